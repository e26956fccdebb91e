"""What is said of an environment that can't be had."""

import pytest

from bench.errors import IndexUnreachableError, UninstallableError, UsageError
from bench.execute.environments import cache, pip
from tests.execute.environments import wheels


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("torch==2.5.0", "torch==2.5.0 is not the torch that is installed, 2."),
        ("transformers=4.46.3", "'transformers=4.46.3' is neither a requirement nor a wheel nor a checkout"),
        ("./nowhere", "'./nowhere' is neither a requirement nor a wheel nor a checkout"),
        ("gone-1.0-py3-none-any.whl", "The wheel gone-1.0-py3-none-any.whl cannot be used"),
        ("gone.whl", "The wheel gone.whl cannot be used (Invalid wheel filename"),
    ],
)
def test_a_text_that_means_nothing(text, sentence):
    with pytest.raises(UsageError) as raised:
        cache.obtain(text)
    assert str(raised.value).startswith(sentence)
    assert str(raised.value).count(". ") == 0


def test_a_requirements_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"^The requirements file \S+/gone.txt is not there; give the path"):
        cache.from_requirements(tmp_path / "gone.txt")


def test_a_release_that_is_not_there(shelf):
    wheels.wheel(shelf, "tiny", "1.0")
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("tiny==9.0")
    assert str(raised.value).startswith("The index has nothing that fits tiny==9.0 and Python 3.")
    assert str(raised.value).endswith(" on this system without building it from source; the newest there is 1.0.")


def test_releases_that_do_not_fit_each_other(shelf):
    wheels.wheel(shelf, "helper", "1.0")
    wheels.wheel(shelf, "tiny", "1.0", requires=["helper>=2"])
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("tiny==1.0 helper==1.0")
    assert str(raised.value) == (
        "No versions agree: The user requested helper==1.0, but tiny 1.0 depends on helper>=2."
    )


def test_an_index_that_does_not_answer(shelf, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    sentence = (
        "The package index does not answer at http://127.0.0.1:9/simple/tiny/ (Connection refused); "
        "fix the network, or name another index with PIP_INDEX_URL."
    )
    for ask in (cache.obtain, pip.releases):
        with pytest.raises(IndexUnreachableError) as raised:
            ask("tiny==1.0" if ask is cache.obtain else "tiny")
        assert str(raised.value) == sentence
        assert raised.value.exit_code == 2


@pytest.mark.usefixtures("unpacks")
def test_another_torch_is_refused(shelf):
    path = wheels.wheel(shelf, "tiny", "1.0", {"torch/__init__.py": ""})
    with pytest.raises(UninstallableError, match=r"^The environment would have another torch"):
        cache.obtain(str(path))


def test_what_needs_another_torch_is_refused_and_not_fetched(shelf):
    wheels.wheel(shelf, "torch", "99.0", {"torch/__init__.py": ""})
    wheels.wheel(shelf, "tiny", "1.0", requires=["torch>=99"])
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("tiny==1.0")
    assert "tiny 1.0 depends on torch>=99, but The user requested (constraint) torch==" in str(raised.value)


@pytest.mark.usefixtures("unpacks")
def test_what_cannot_be_imported_is_refused(shelf):
    wheels.wheel(shelf, "accelerate", "99.0", {"accelerate.py": "import a_thing_of_the_future\n"})
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("accelerate==99.0")
    assert str(raised.value) == (
        "accelerate 99.0 is installed but cannot be imported here: "
        "ModuleNotFoundError: No module named 'a_thing_of_the_future'."
    )
