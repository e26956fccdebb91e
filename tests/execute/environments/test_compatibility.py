"""What is known to be needed beside a release."""

from importlib import metadata

import pytest

from bench.errors import UninstallableError
from bench.execute.environments import cache, compatibility
from tests.execute.environments import wheels


@pytest.mark.parametrize(
    ("packages", "needs"),
    [
        ({"transformers": "4.34.1", "accelerate": "0.24.1"}, []),
        ({"transformers": "4.37.2", "accelerate": "0.34.2"}, []),
        ({"transformers": "4.37.2", "accelerate": "1.0.0"}, ["accelerate"]),
        ({"transformers": "4.39.3", "accelerate": "0.25.0"}, ["accelerate"]),
        ({"transformers": "4.51.3", "accelerate": "0.26.0"}, []),
        ({"transformers": "4.52.1", "accelerate": "1.2.1"}, ["accelerate"]),
        ({"transformers": "5.0.0", "accelerate": "1.3.0", "python": "3.9.1", "torch": "2.2.0"}, ["python"]),
        ({"transformers": "5.1.0", "accelerate": "1.3.0", "python": "3.10.0", "torch": "2.3.1+cpu"}, ["torch"]),
        ({"transformers": "5.20.0", "accelerate": "1.3.0", "python": "3.11.0", "torch": "2.5.1"}, ["torch"]),
        ({"transformers": "5.21.0", "accelerate": "1.3.0", "python": "3.10.9", "torch": "2.6.0"}, ["python"]),
        ({"transformers": "5.24.0", "accelerate": "1.3.0", "python": "3.14.0", "torch": "2.13.0+cpu"}, []),
        ({"pytorch-lightning": "2.3.3", "setuptools": "81.0.0"}, []),
        ({"pytorch-lightning": "2.3.3", "setuptools": "82.0.0"}, ["setuptools"]),
        ({"pytorch-lightning": "2.3.3"}, ["setuptools"]),
        ({"pytorch-lightning": "2.4.0"}, []),
    ],
)
def test_known_needs(packages, needs):
    assert [rule.needs for rule in compatibility.broken(packages)] == needs


def test_a_release_whose_needs_are_known_is_refused_before_pip_runs(shelf, no_pip):
    no_pip()
    here = metadata.version("accelerate")
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("transformers==4.38.2")
    assert str(raised.value) == (
        f"transformers==4.38.2 cannot work here: transformers 4.38.2 needs accelerate>=0.26,<1.0 ({here} here); "
        "newer ones dropped `dispatch_batches`, ask for accelerate==0.27.2 as well."
    )


def test_a_reason_of_pip_comes_with_what_is_known(shelf):
    wheels.wheel(shelf, "pytorch_lightning", "2.1.4", requires=["nowhere"])
    with pytest.raises(
        UninstallableError, match=r"^The index has nothing that fits nowhere .*; pytorch-lightning 2.1.4"
    ):
        cache.obtain("pytorch-lightning==2.1.4 setuptools>=1")
