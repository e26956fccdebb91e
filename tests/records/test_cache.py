from pathlib import Path

import pytest

from bench.records import cache


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"LOOPTAX_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/looptax"),
        ({}, "/home/someone/.cache/looptax"),
    ],
)
def test_where_the_cache_is(monkeypatch, variables, folder):
    for name in ("LOOPTAX_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.cache_folder() == Path(folder)


def test_a_text_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    made = []
    for _ in range(2):
        assert cache.cached("a.txt", lambda: made.append(1) or "text") == "text"
    assert made == [1]
    assert [path.name for path in (tmp_path / "cache" / cache.TEXTS).iterdir()] == ["a.txt"]


def test_a_cache_that_cannot_be_written_costs_time_alone(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "file" / "cache"))
    assert [cache.cached("a.txt", lambda: "text") for _ in range(2)] == ["text", "text"]
