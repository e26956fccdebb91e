"""What must not be published stands in no file of a run folder, in no export and in nothing that a CI system shows."""

import json

import pytest

from bench.analyse.summary import summarise
from bench.cli import app, output, pipeline
from bench.execute.environments import cache, requirements
from bench.records import store
from bench.records.foreign_text import without_secrets
from bench.report import answer, publish
from bench.report.charts.engine import Drawn
from bench.report.export import files
from bench.report.export.mlflow import _tags
from tests import factories

PLANTED = ["hunter2", "s3cr3t", "hf_abcdefghijklmnopqrstuvwxyz", "swordfish", "opensesame"]
COMMAND = (
    "--baseline 'x @ git+https://me:hunter2@host/x.git' --hub-token s3cr3t --note hf_abcdefghijklmnopqrstuvwxyz "
    "WANDB_API_KEY=swordfish https://host/x?key=opensesame"
)


class NoCharts:
    """An engine that has nothing to draw."""

    def draw(self, _):
        return Drawn()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x @ git+https://me:hunter2@host/x.git", "x @ git+https://***@host/x.git"),
        ("https://ghp_0123456789abcdefghijABCDEFGHIJ@host/", "https://***@host/"),
        ("--hub-token s3cr3t --batch-size 8", "--hub-token *** --batch-size 8"),
        ("--password 'two words' -q", "--password *** -q"),
        ("HF_TOKEN=abc AWS_SECRET_ACCESS_KEY=def", "HF_TOKEN=*** AWS_SECRET_ACCESS_KEY=***"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("401 for Authorization: Bearer abcdefgh12", "401 for Authorization: ***"),
        ("GET https://host/x?X-Amz-Signature=abc&n=1", "GET https://host/x?X-Amz-Signature=***&n=1"),
        ("login failed for hf_abcdefghijklmnopqrstuvwxyz", "login failed for ***"),
        # What only sounds like one stays.
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("tokenizers==0.23.3 max_tokens=512", "tokenizers==0.23.3 max_tokens=512"),
        ("KeyError: 'labels'; the token is expired", "KeyError: 'labels'; the token is expired"),
        ("key_padding_mask=3 --num-tokens 5", "key_padding_mask=3 --num-tokens 5"),
    ],
)
def test_credentials_are_masked_and_what_only_sounds_like_them_is_not(text, kept):
    assert without_secrets(text) == kept
    assert without_secrets(kept) == kept


def planted_run(monkeypatch):
    """A run whose command line, requirements and failures all tell secrets."""
    monkeypatch.setattr("sys.argv", ["bench.upgrade", *COMMAND.split()])
    settings = factories.run(runners=["pytorch", "floor"], blocks=2).settings
    environment = {
        "name": "old",
        "python": "/old/bin/python",
        "requirements": ["x @ git+https://me:hunter2@host/x.git"],
        "conflicts": ["x from https://me:s3cr3t@host is incompatible."],
    }
    planned = settings.model_validate(
        settings.model_dump() | {"environments": [environment], "unusable": {"1.0": "no https://me:hunter2@host"}}
    )
    machine = factories.run().machine
    return pipeline.planned("run", "planted", planned, machine=machine, packages={"torch": "2.13.0"})


def journal_of(run):
    whole = factories.journal(run.model_copy(update={"settings": run.settings.model_copy(update={"environments": []})}))
    failed = factories.trial("floor", block=1, status="failed", reason=f"ValueError: cannot log in with {COMMAND}")
    alone = factories.trial("floor", block=1, replicate=1, alone="PASSWORD=hunter2 takes one process at a time")
    return [*whole, failed, alone]


def test_a_run_folder_and_all_that_is_made_of_it_have_none_of_them(tmp_path, monkeypatch):
    run = planted_run(monkeypatch)
    folder = store.create(tmp_path, run)
    with store.journal(folder) as journal:
        journal.append(*journal_of(run))
    told = summarise(store.read_run(folder), store.read_trials(folder))
    told = publish.publish(folder, told, NoCharts())
    files.export(told, folder, ["csv", "json", "latex"])
    texts = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"run.json", "trials.jsonl", "summary.json", "report.md", "report.html", "cells.csv", "table.tex"} <= set(
        texts
    )
    told_by = [name for name, text in texts.items() for secret in PLANTED if secret in text]
    assert told_by == []
    assert "cannot log in with --baseline" in texts["trials.jsonl"]  # the rest of a reason is there
    assert not any(secret in json.dumps(_tags(told)) for secret in PLANTED)


def test_what_ci_systems_are_told_has_none_of_them(tmp_path, monkeypatch, capsys):
    run = planted_run(monkeypatch)
    folder = store.create(tmp_path, run)
    told = publish.publish(folder, summarise(store.read_run(folder), journal_of(run)), NoCharts())
    summary_file, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    monkeypatch.setenv(output.STEP_SUMMARY, str(summary_file))
    monkeypatch.setenv(output.STEP_OUTPUT, str(outputs))
    ending = output.Ending(verb="run", form="github", junit=tmp_path / "junit.xml")
    ending.tell(answer.of_run(folder, told, exit_code=4), 4)
    with pytest.raises(RuntimeError), ending.errors_told():
        raise RuntimeError(COMMAND)
    shown = [
        summary_file.read_text(),
        outputs.read_text(),
        (tmp_path / "junit.xml").read_text(),
        capsys.readouterr().out,
    ]
    assert all(shown)
    assert [secret for secret in PLANTED for text in shown if secret in text] == []


def test_an_error_and_a_warning_in_a_log_have_none_of_them(capsys, monkeypatch):
    def refuse():
        app._show_warning(f"the index at https://me:hunter2@host/ is slow, {COMMAND}")
        raise app.UsageError(f"cannot be installed: {COMMAND}")

    assert app.exit_code(lambda **_: refuse()) == 2
    said = capsys.readouterr().err
    assert said.startswith("warning: the index at https://***@host/")
    assert [secret for secret in PLANTED if secret in said] == []


def test_an_environment_is_built_with_the_password_and_called_without_it(tmp_path, monkeypatch):
    """Neither its name, nor its folder in the cache, nor what is recorded of it."""
    asked = requirements.parse("'tiny @ https://me:hunter2@host/tiny-1.0-py3-none-any.whl'")
    assert "hunter2" in asked.arguments[0]
    assert "hunter2" not in " ".join(asked.texts)
    monkeypatch.setattr(cache, "resolved", lambda *_: ())
    monkeypatch.setattr(cache, "control", lambda: cache.current())
    assert "hunter2" not in cache._key(asked)
