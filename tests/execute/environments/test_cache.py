"""When an environment is built again, and when not."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UninstallableError
from bench.execute.environments import cache, overlay
from bench.records.cache import cache_folder
from tests.execute.environments import wheels

ROOT = Path(__file__).parent.parent.parent.parent


def test_a_requirement_that_is_not_pinned_is_resolved_each_time(shelf, builds, monkeypatch):
    answers = iter([("tiny==1.0",), ("tiny==1.0",), ("tiny==1.1",)])
    monkeypatch.setattr(cache, "resolved", lambda *_: next(answers))
    first, second, third = (cache.obtain("tiny>=1").python for _ in range(3))
    assert first == second != third
    assert builds == ["", "tiny>=1", "tiny>=1"]  # the first is the control, in which pip resolves


def test_a_second_request_builds_nothing(shelf, builds):
    assert cache.obtain("tiny==1.0") == cache.obtain("tiny==1.0")
    assert builds == ["tiny==1.0"]
    cache.obtain("tiny==1.1")
    assert builds == ["tiny==1.0", "tiny==1.1"]


def test_another_wheel_of_the_same_name_is_another_environment(shelf, builds):
    path = wheels.wheel(shelf, "tiny", "1.0", {"tiny.py": "VALUE = 1\n"})
    first = cache.obtain(str(path))
    wheels.wheel(shelf, "tiny", "1.0", {"tiny.py": "VALUE = 2\n"})
    assert cache.obtain(str(path)).python != first.python


def test_another_version_of_a_package_below_is_another_environment(shelf, builds, monkeypatch, tmp_path):
    first = cache.obtain("tiny==1.0")
    folders = overlay.base_folders()
    (tmp_path / "more" / "newcomer-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(overlay, "base_folders", lambda: [*folders, str(tmp_path / "more")])
    assert cache.obtain("tiny==1.0").python != first.python


def test_a_half_built_environment_does_not_count(shelf, builds):
    folder = Path(cache.obtain("tiny==1.0").python).parent
    (folder / cache.COMPLETE).unlink()
    cache.obtain("tiny==1.0")
    assert len(builds) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"name": "half'])
def test_a_record_that_cannot_be_read_is_built_again(shelf, builds, content):
    first = cache.obtain("tiny==1.0")
    (Path(first.python).parent / cache.COMPLETE).write_text(content)
    assert cache.obtain("tiny==1.0") == first
    assert len(builds) == 2


def test_an_environment_whose_interpreter_is_gone_is_built_again(shelf, builds):
    first = cache.obtain("tiny==1.0")
    Path(first.python).unlink()
    assert cache.obtain("tiny==1.0") == first
    assert len(builds) == 2


def test_a_failed_build_leaves_no_environment(shelf):
    with pytest.raises(UninstallableError):
        cache.obtain("tiny==1.0")
    assert [path.suffix for path in (cache_folder() / "environments").iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_cleared(tmp_path):
    (tmp_path / "left").touch()
    assert overlay.create(tmp_path).exists()
    assert not (tmp_path / "left").exists()


def test_two_processes_build_it_once(shelf):
    wheel = wheels.wheel(shelf, "tiny", "1.0")
    code = (
        "import sys, pathlib\n"
        "from bench.execute.environments import cache, pip\n"
        "from tests.execute.environments import wheels\n"
        "def install(*_, python, **__):\n"
        "    print('installs')\n"
        "    wheels.unpack(pathlib.Path(sys.argv[1]), python)\n"
        "    return ()\n"
        "pip.install = install\n"
        "print(cache.obtain('tiny==1.0').python)\n"
    )
    command = [sys.executable, "-c", code, str(wheel)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    said = [process.communicate()[0].split() for process in both]
    assert sorted(map(len, said)) == [1, 2]
    assert len({lines[-1] for lines in said}) == 1
