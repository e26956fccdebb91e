"""Where something lives: references taken apart, and files that are imported as scripts are."""

from __future__ import annotations

import pickle
import sys

import pytest

from trainloops import references


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Leave the import path and the modules of this process alone."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "place", "attribute", "is_file"),
    [
        ("my.py", "my.py", "", True),
        ("a/my.py:tiny", "a/my.py", "tiny", True),
        ("C:\\own\\my.py", "C:\\own\\my.py", "", True),
        ("C:\\own\\my.py:tiny", "C:\\own\\my.py", "tiny", True),
        ("package.module:Net.make", "package.module", "Net.make", False),
        ("package.module", "package.module", "", False),
        (":tiny", "", "tiny", False),
    ],
)
def test_a_reference_is_a_place_and_an_attribute(text, place, attribute, is_file):
    reference = references.parse(text)
    assert (reference.place, reference.attribute, reference.is_file) == (place, attribute, is_file)


@pytest.mark.parametrize(
    ("name", "is_one"), [("mlp-wide", False), ("my.py", True), ("a/my.py:tiny", True), ("package.module:tiny", True)]
)
def test_a_name_is_no_reference(name, is_one):
    assert references.is_reference(name) is is_one


def test_only_the_path_of_a_file_depends_on_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert references.resolved("my.py") == f"{tmp_path}/my.py"
    assert references.resolved("./a/../my.py:tiny") == f"{tmp_path}/my.py:tiny"
    assert references.resolved("package.module:tiny") == "package.module:tiny"
    assert references.resolved("pytorch") == "pytorch"


def test_a_file_may_import_its_neighbours_and_is_imported_once(tmp_path):
    (tmp_path / "beside_it.py").write_text("VALUE = 3\n")
    (tmp_path / "its_own.py").write_text("from beside_it import VALUE\nmade = []\nclass Inner:\n    value = VALUE\n")
    assert references.load(f"{tmp_path}/its_own.py:Inner.value") == 3
    assert references.load(f"{tmp_path}/its_own.py", usual="made") is references.load(f"{tmp_path}/its_own.py:made")


def test_what_is_defined_in_a_file_can_be_pickled_for_a_process_that_is_no_fork(tmp_path):
    (tmp_path / "its_data.py").write_text("class Rows:\n    pass\n")
    rows = references.load(f"{tmp_path}/its_data.py:Rows")
    assert rows.__module__ == "its_data"
    assert isinstance(pickle.loads(pickle.dumps(rows())), rows)


@pytest.mark.parametrize("stem", ["json", "pytest", "colorsys", "not-a-name"])
def test_a_file_hides_no_module_of_its_name(stem, tmp_path):
    there = sys.modules.get(stem)
    (tmp_path / f"{stem}.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nVALUE = 5\n"
        "@dataclass\nclass Row:\n    x: dataclass.Missing = 1\n"
    )
    assert references.load(f"{tmp_path}/{stem}.py:VALUE") == 5
    assert sys.modules.get(stem) is there


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("{}/gone.py:tiny", ImportError, "gone.py is not a Python file that can be read"),
        ("{}/its.py", ImportError, "its.py names no function: write it as path/to/file.py:function or"),
        (":tiny", ImportError, "names no function"),
        ("{}/its.py:tiny", AttributeError, "has no attribute 'tiny'"),
        ("no_such_package.module:tiny", ImportError, "No module named 'no_such_package'"),
    ],
)
def test_what_cannot_be_loaded_says_why(text, error, words, tmp_path):
    (tmp_path / "its.py").write_text("x = 1\n")
    with pytest.raises(error, match=words):
        references.load(text.format(tmp_path))


def test_a_file_that_fails_is_tried_again(tmp_path):
    file = tmp_path / "late.py"
    file.write_text("raise RuntimeError('not yet')\n")
    with pytest.raises(RuntimeError, match="not yet"):
        references.load(f"{file}:x")
    file.write_text("x = 1\n")
    assert references.load(f"{file}:x") == 1
