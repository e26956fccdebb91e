"""What pip says, at length, becomes one sentence."""

import platform

import pytest

from bench.errors import IndexUnreachableError, UninstallableError
from bench.execute.environments import pip_errors

HERE = f"Python {platform.python_version()} on this system"


def fetching(reason: str) -> str:
    return f"2026-01-01T00:00:00,1 Could not fetch URL https://an.index/simple/tiny/: {reason} - skipping\n"


NOTHING = "ERROR: No matching distribution found for tiny==1.0\n"


@pytest.mark.parametrize(
    ("output", "log", "sentence"),
    [
        (
            NOTHING,
            fetching(
                "connection error: HTTPSConnectionPool(host='an.index', port=443): Max retries exceeded with "
                "url: /simple/ (Caused by NewConnectionError('<x at 0x7f>: [Errno -2] Name or service not known'))"
            ),
            "The package index does not answer at https://an.index/simple/tiny/ (Name or service not known); ",
        ),
        (
            NOTHING,
            fetching("503 Server Error: Service Unavailable for url: https://an.index/simple/tiny/"),
            "The package index does not answer at https://an.index/simple/tiny/ (503 Server Error); ",
        ),
        (
            NOTHING,
            fetching("timed out"),
            "The package index does not answer at https://an.index/simple/tiny/ (timed out); ",
        ),
        (
            "ERROR: Could not install packages due to an OSError: "
            "HTTPSConnectionPool(host='files.an.index', port=443): Max retries exceeded with url: /tiny.whl\n",
            "",
            "The package index does not answer at files.an.index (Max retries exceeded); ",
        ),
    ],
)
def test_an_index_that_does_not_answer(output, log, sentence):
    error = pip_errors.error(output, log)
    assert isinstance(error, IndexUnreachableError)
    assert str(error) == f"{sentence}fix the network, or name another index with PIP_INDEX_URL."


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            NOTHING,
            f"The index has nothing that fits tiny==1.0 and {HERE} without building it from source.",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from big) "
            f"(from versions: 0.8, 0.9, 2.0rc1)\n{NOTHING}",
            f"The index has nothing that fits tiny==1.0 (from big) and {HERE} without building it from source; "
            "the newest there is 0.9.",
        ),
        (
            "ERROR: Ignored the following versions that require a different python version: "
            "1.0 Requires-Python >=3.99; 1.0.1 Requires-Python >=4\n"
            f"ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: 0.9)\n{NOTHING}",
            f"tiny==1.0 is not for {HERE} (Requires-Python >=3.99).",
        ),
        (
            "ERROR: Cannot install a and b.\n\nThe conflict is caused by:\n"
            "    The user requested c==1\n    b 2 depends on c>=2\n\nTo fix this you could try to:\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io\n",
            "No versions agree: The user requested c==1, but b 2 depends on c>=2.",
        ),
        (
            "/usr/bin/python: No module named pip\n",
            "This environment has no pip to build others with; python -m ensurepip adds it.",
        ),
        (
            "no such option: --python\n",
            "This environment's pip is older than 22.3; python -m pip install --upgrade pip.",
        ),
        ("some words\nERROR: the disk is full.\n[notice] a notice\n", "pip failed: the disk is full."),
        ("", "pip failed: it gave no reason."),
    ],
)
def test_what_cannot_be_installed(output, sentence):
    error = pip_errors.error(output, fetching("404 Client Error: Not Found for url: https://an.index/simple/tiny/"))
    assert isinstance(error, UninstallableError)
    assert str(error) == sentence
