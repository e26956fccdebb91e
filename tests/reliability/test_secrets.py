"""What must not be published stands in no file of a run folder, in no export and in nothing that a CI system shows."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from unittest.mock import MagicMock

import pytest

from bench.analyse.summary import summarise
from bench.cli import app, output, pipeline
from bench.errors import UsageError
from bench.execute.environments import cache, requirements
from bench.execute.log import KEPT_BYTES
from bench.execute.trial_files import file_names
from bench.execute.workers.protocol import LOG
from bench.execute.workers.result import Result
from bench.execute.workers.running import Running
from bench.plan import scripts
from bench.plan.settings import Flags
from bench.records import store
from bench.records.foreign_text import without_secrets
from bench.records.schema import Environment, Scripts
from bench.report import answer, publish
from bench.report.charts.engine import Drawn
from bench.report.export import files
from bench.report.export.mlflow import _tags
from tests import factories
from tests.execute.workers.test_faults import request

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
        ("--my-hub-token s3cr3t", "--my-hub-token ***"),
        ("login failed for hf_abcdefghijklmnopqrstuvwxyz", "login failed for ***"),
        # What only sounds like one stays.
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("tokenizers==0.23.3 max_tokens=512", "tokenizers==0.23.3 max_tokens=512"),
        ("KeyError: 'labels'; the token is expired", "KeyError: 'labels'; the token is expired"),
        ("key_padding_mask=3 --num-tokens 5", "key_padding_mask=3 --num-tokens 5"),
        ("--pad-token '<pad>' eos_token=</s>", "--pad-token '<pad>' eos_token=</s>"),
        ("--token --lr 0.1 --use_auth_token True", "--token --lr 0.1 --use_auth_token True"),
        ("--image-token=32000 --token '<s>'", "--image-token=32000 --token '<s>'"),
        ("--key 64 --key=8 --key input_ids", "--key 64 --key=8 --key input_ids"),
        ("use_auth_token=None HF_TOKEN=abc", "use_auth_token=None HF_TOKEN=***"),
        # And what may be one does not.
        ("--token=-x9 --hub-token=s3cr3t", "--token=*** --hub-token=***"),
        ("--key swordfish --key=0123456789", "--key *** --key=***"),
        ("--password 1234 --api-key 1234 --secret abc", "--password *** --api-key *** --secret ***"),
        ("--token 12345678 --hub.token abc", "--token *** --hub.token ***"),
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
    return pipeline.new_run("run", "planted", planned, machine=machine, packages={"torch": "2.13.0"})


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
    summary = summarise(store.read_run(folder), store.read_trials(folder))
    summary = publish.publish(folder, summary, NoCharts())
    files.export(summary, folder, ["csv", "json", "latex"])
    texts = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"run.json", "trials.jsonl", "summary.json", "report.md", "report.html", "cells.csv", "table.tex"} <= set(
        texts
    )
    leaking = [name for name, text in texts.items() for secret in PLANTED if secret in text]
    assert leaking == []
    assert "cannot log in with --baseline" in texts["trials.jsonl"]  # the rest of a reason is there
    assert not any(secret in json.dumps(_tags(summary)) for secret in PLANTED)


@pytest.mark.parametrize("tracker", ["wandb", "mlflow"])
def test_a_tracker_is_handed_none_of_them(tmp_path, monkeypatch, tracker):
    run = planted_run(monkeypatch)
    summary = summarise(run, journal_of(run))
    handed = MagicMock()
    monkeypatch.setitem(sys.modules, tracker, handed)
    import_module(f"bench.report.export.{tracker}").push(summary, tmp_path / "run", str(tmp_path))
    tables = [call.kwargs["dataframe"].to_csv() for call in handed.mock_calls if "dataframe" in call.kwargs]
    texts = [*map(repr, handed.mock_calls), *tables]
    assert any("--hub-token ***" in text for text in texts)
    assert [secret for secret in PLANTED for text in texts if secret in text] == []


def test_what_ci_systems_are_told_has_none_of_them(tmp_path, monkeypatch, capsys):
    run = planted_run(monkeypatch)
    folder = store.create(tmp_path, run)
    summary = publish.publish(folder, summarise(store.read_run(folder), journal_of(run)), NoCharts())
    summary_file, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    monkeypatch.setenv(output.STEP_SUMMARY, str(summary_file))
    monkeypatch.setenv(output.STEP_OUTPUT, str(outputs))
    ending = output.OutputOptions(verb="run", form="github", junit=tmp_path / "junit.xml")
    ending.emit(answer.of_run(folder, summary, exit_code=4), 4)
    of_cells = (tmp_path / "junit.xml").read_text()  # which an error takes the place of
    with pytest.raises(RuntimeError), ending.errors_emitted():
        raise RuntimeError(COMMAND)
    shown = [
        summary_file.read_text(),
        outputs.read_text(),
        of_cells,
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
    monkeypatch.setattr(cache, "control", lambda: Environment(name="current", python=sys.executable))
    assert "hunter2" not in cache._key(asked)


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--lr", "0.1", "--hub_token", "s3cr3t"], "--hub_token"),
        (["--api-key=s3cr3t"], "--api-key"),
        (["--model", "https://me:s3cr3t@host/model"], "--model"),
        (["hf_abcdefghijklmnopqrstuvwxyz"], "an argument"),
    ],
)
def test_a_script_is_given_no_credentials_by_its_arguments_which_run_json_keeps(tmp_path, arguments, flag):
    (tmp_path / "train.py").touch()
    with pytest.raises(UsageError) as refused:
        scripts.scripts(Flags(script=[str(tmp_path / "train.py")], arguments=arguments, cwd=tmp_path))
    assert str(refused.value).startswith(f"--script train.py: what looks like a credential ({flag}) would be kept in")
    assert without_secrets(str(refused.value)) == str(refused.value)  # as it is when it is told


def test_a_tokenizers_words_are_arguments_like_others(tmp_path):
    (tmp_path / "train.py").touch()
    given = ["--pad-token", "<pad>", "--max_tokens", "5", "--tokenizer=gpt2", "secretariat.txt"]
    given += ["--key", "4", "--use_auth_token", "--lr", "0.1", "--image-token=7", "--token"]
    parsed = scripts.scripts(Flags(script=[str(tmp_path / "train.py")], arguments=given, cwd=tmp_path))
    assert parsed.each[0].arguments == given


def log_kept(to, content, status="ok"):
    """What is kept of a trial of a script that has printed `content`."""
    script = Scripts(each=[], folder=str(to.parent))
    running = Running(replace(request("hangs"), log_to=to, scripts=script), factories.interpreter())
    (running.scratch / LOG).write_bytes(content)
    running._keep_log(Result(status=status))
    running.refused("it was only looked at")


def test_the_log_of_a_script_has_none_of_them_and_only_its_beginning_and_end_are_kept(tmp_path):
    log_kept(tmp_path / "logs" / "a.log", b"x" * 3 * KEPT_BYTES + f"\nlogin: {COMMAND}\nthe end".encode())
    kept = (tmp_path / "logs" / "a.log").read_text()
    assert kept.endswith("the end")
    assert "login: --baseline" in kept
    assert not any(secret in kept for secret in PLANTED)
    assert len(kept) <= 2 * KEPT_BYTES
    assert f"[{2 * KEPT_BYTES + 1:,} bytes are left out here]" in kept


def test_a_log_of_dots_is_masked_in_no_time_to_speak_of():
    assert without_secrets("." * 2 * KEPT_BYTES) == "." * 2 * KEPT_BYTES  # it took 10¹² steps, and so for ever


def test_a_log_that_cannot_be_kept_costs_no_trial_and_none_is_written_through_a_link(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "a.failed.log").symlink_to(tmp_path / "victim")
    log_kept(tmp_path / "a.log", b"theirs", status="failed")
    assert ((tmp_path / "victim").read_text(), (tmp_path / "a.failed.log").read_text()) == ("mine", "theirs")
    with pytest.warns(UserWarning, match=r"victim/a.log cannot be written: .*; no figure needs it"):
        log_kept(tmp_path / "victim" / "a.log", b"theirs")


def test_scripts_with_long_arguments_or_alike_names_have_a_log_each():
    names = ["train.py --lr .1", "train.py --lr +.1", f"train.py {'x' * 300} 1", f"train.py {'x' * 300} 2", "plain.py"]
    called = file_names(names)
    assert len(set(called.values())) == len(names)
    assert max(map(len, called.values())) < 110
    assert called["plain.py"] == "plain.py"
