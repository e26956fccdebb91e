"""A real browser without a window, where there is one."""

import contextlib
import json
import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900")


@contextlib.contextmanager
def started() -> Iterator[webdriver.Chrome]:
    """A browser that logs its console and its requests; the test is skipped where it or its driver is missing."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if path is None or driver is None:
        pytest.skip(f"no browser: needs one of {', '.join(BROWSERS)}, and chromedriver (Debian: chromium-driver)")
    options = Options()
    options.binary_location = path
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in ARGUMENTS:
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


def requested(browser: webdriver.Chrome) -> list[str]:
    """Every address that was asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
