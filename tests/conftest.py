"""A verb in this process, for what needs no process of its own."""

import gc
import os
import signal
import sys
import warnings
from functools import cache
from importlib import import_module

import pytest

from bench.cli import app
from bench.execute import probe
from tests import verbs
from tests.verbs import INTERRUPTS, ROOT, Ended

NO_CHARTS = (sys.executable, str(ROOT / "tests" / "quick" / "no_charts.py"))


def pytest_configure(config):
    """The processes that run tests share the templates of the one that started them."""
    if getattr(config.option, "numprocesses", None) and sys.platform == "linux":
        os.environ[verbs.SHARED_TEMPLATES] = verbs.templates()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without looking for garbage, of which there is none, and then let torch compute by one thread.

    Several would wait for each other by spinning, beside the other processes that run tests: half of their time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Whole runs come first: they take longest, so that files which are run at the same time end together."""
    items.sort(key=lambda item: item.path.parent != ROOT / "tests")


@pytest.fixture
def own_signals():
    """The tests keep their own handlers of signals, whatever a verb in this process installs."""
    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def machine():
    """What this machine is, which takes a process that imports torch: asked once."""
    return cache(probe.machine)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    """The folder of the environments that controls need: each is built once, whichever process runs them."""
    base = tmp_path_factory.getbasetemp()
    return str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-cache")


@pytest.fixture
def verb(monkeypatch, capsys, tmp_path, own_signals, machine):
    """Call a verb here, in `tmp_path` or `cwd`: how it ended, and what it printed; as `tests.verbs.process` does.

    Its reports have no charts.
    """

    def call(name, *arguments, cwd=tmp_path, **environment) -> Ended:
        module = import_module("bench.report.__main__" if name == "report" else f"bench.{name}")
        with monkeypatch.context() as patched:
            for owner, attribute in ((warnings, "showwarning"), (sys, "stdout"), (sys, "stderr")):
                patched.setattr(owner, attribute, getattr(owner, attribute))  # which `app.run` changes for good
            patched.setattr(probe, "machine", machine)
            patched.setattr("bench.report.charts.engine.COMMAND", NO_CHARTS)
            patched.chdir(cwd)
            patched.setattr(sys, "argv", [f"bench.{name}", *map(str, arguments)])
            for variable, value in {"COLUMNS": "200", **environment}.items():
                patched.setenv(variable, value)
            with pytest.raises(SystemExit) as ended:
                app.run(module.main)
        printed = capsys.readouterr()
        return Ended(ended.value.code, printed.out, printed.err)

    return call
