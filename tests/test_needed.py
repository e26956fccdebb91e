"""What measuring and reporting can do without: all but a short list of packages is made unimportable."""

import os
import shutil
from functools import partial
from importlib import metadata

import pytest

from tests import checks, factories, verbs
from tests.verbs import ROOT

pytestmark = pytest.mark.slow

RESULTS = ROOT / "results"
NEEDED = ("torch", "transformers", "accelerate", "pytorch-lightning", "pandas", "tabulate", "pydantic", "typer", "rich",
          "numpy")  # fmt: skip
"""These, and what they need themselves."""


def names_needed() -> set[str]:
    """Every distribution that the packages of `NEEDED` bring, by normalised name."""
    from packaging.requirements import Requirement

    names: set[str] = set()
    left = list(NEEDED)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in names:
            continue
        names.add(name)
        try:
            texts = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        requirements = map(Requirement, texts)
        left += [
            requirement.name
            for requirement in requirements
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return names


def blocked_modules() -> set[str]:
    """The top-level modules of all other installed distributions."""
    needed = names_needed() | {"looptax", "pip", "setuptools"}
    by_module = metadata.packages_distributions()
    return {
        module
        for module, owners in by_module.items()
        if module.isidentifier() and not {owner.lower().replace("_", "-") for owner in owners} & needed
    }


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An environment in which nothing else can be imported, in children neither."""
    folder = tmp_path_factory.mktemp("blocked")
    for name in blocked_modules():
        (folder / f"{name}.py").write_text(f"raise ImportError(\"No module named '{name}'\")\n")
    assert {"altair.py", "vl_convert.py", "pynvml.py", "scipy.py"} <= {each.name for each in folder.iterdir()}
    return {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT, ROOT / "src")))}


def test_a_run_is_measured_and_reported_and_charts_are_missed_in_one_sentence(tmp_path, bare):
    short = ("--device", "cpu", "--runner", "pytorch", "--batch-size", "8", "--steps", "20", "--blocks", "1")
    done = verbs.process("run", *short, cwd=tmp_path, **bare)
    assert done.code == 0, done.err
    folder = verbs.run_folder(tmp_path / "results")
    assert {"run.json", "summary.json", "report.md", "report.html", "tables"} <= {
        each.name for each in folder.iterdir()
    }
    assert "](charts/" not in (folder / "report.md").read_text()
    assert "Traceback" not in done.err
    said = [line for line in done.err.splitlines() if "no charts:" in line]
    assert len(said) == 1
    assert "pip install vl-convert-python" in said[0]


def committed(name, results):
    stored = next(each for each in sorted(RESULTS.iterdir()) if name in each.name)
    folder = results / stored.name
    shutil.copytree(stored, folder, ignore=shutil.ignore_patterns("charts", "tables", "report.*", "summary.json"))
    return folder


def check(results):
    planned = checks.planned()
    return factories.stored(results, planned, [*checks.proven(planned), *checks.timed(planned, [1.0] * 40)])


@pytest.mark.parametrize(
    "stored",
    [partial(committed, "standard"), partial(committed, "history"), partial(committed, "prices"), check],
    ids=["run", "history", "prices", "upgrade"],
)
def test_stored_runs_of_every_kind_are_reported(tmp_path, bare, stored):
    folder = stored(tmp_path / "results")
    done = verbs.process("report", folder, cwd=tmp_path, **bare)
    assert done.code == 0, done.err
    assert "](charts/" not in (folder / "report.md").read_text()
    assert (folder / "report.html").exists()
    assert (folder / "tables").is_dir()
