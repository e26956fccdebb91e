"""The action and the example workflows: valid by GitHub's schemas, safe by reading them, and run with fake tools."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from bench import run
from bench.cli import app

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))
FAKE_PYTHON = """#!/bin/sh
for each; do echo "[$each]"; done >> "$RECORD"
[ "$2" = bench.upgrade ] && echo x >> "$GITHUB_STEP_SUMMARY"
exit ${CODE:-0}
"""


def parsed(path):
    return yaml.safe_load(path.read_text())


def steps(path):
    content = parsed(path)
    return content["runs"]["steps"] if "runs" in content else [s for j in content["jobs"].values() for s in j["steps"]]


def script(path, name):
    (text,) = [step["run"] for step in steps(path) if step.get("name") == name]
    return text


@pytest.mark.parametrize(
    ("schema", "paths"), [("vendor.github-actions", [ACTION]), ("vendor.github-workflows", WORKFLOWS)]
)
def test_valid_by_the_schema_of_github(schema, paths):
    assert paths
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_no_value_from_outside_is_read_as_the_text_of_a_shell(path):
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    assert not any("${{" in text for text in scripts)
    assert not any(re.search(r"\beval\b", text) for text in scripts)


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_actions_are_pinned_to_a_release(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"(actions/[a-z-]+@v\d+|OWNER/looptax@v\d+\.\d+\.\d+)", each) for each in used)


def test_who_installs_what_was_proposed_can_write_nothing_and_who_writes_installs_nothing():
    content = parsed(ROOT / "docs" / "ci" / "proposed-release.yml")
    assert content["permissions"] == {}
    assert content["jobs"]["check"]["permissions"] == {"contents": "read"}
    assert content["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    assert "pip" not in str(content["jobs"]["comment"])
    assert "pull_request_target" not in content[True]  # `on` is true in YAML 1.1
    assert parsed(ROOT / "docs" / "ci" / "newest-release.yml")["permissions"] == {"contents": "read"}
    checkouts = [s for path in WORKFLOWS for s in steps(path) if s.get("uses", "").startswith("actions/checkout")]
    assert all(checkout["with"]["persist-credentials"] is False for checkout in checkouts)


def test_what_the_examples_pass_to_the_action_it_takes():
    known = parsed(ACTION)["inputs"]
    used = [s["with"] for path in WORKFLOWS for s in steps(path) if s.get("uses", "").startswith("OWNER/looptax")]
    assert len(used) == 2
    assert not {name for each in used for name in each} - set(known)


@pytest.fixture
def shell(tmp_path):
    """Runs a script as GitHub does, with fake tools before the real ones."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sum.md", "output", "record"):
        (tmp_path / name).touch()

    def call(text, *, python=FAKE_PYTHON, gh="", **environment):
        for name, content in (("python", python), ("gh", gh)):
            (tools / name).write_text(content)
            (tools / name).chmod(0o755)
        usual = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "sum.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_ACTION_PATH": "/the action",
            "RECORD": str(tmp_path / "record"),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        done = subprocess.run(
            command, env=usual | environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, (tmp_path / "record").read_text().splitlines(), (tmp_path / "output").read_text()

    return call


def test_the_check_passes_what_was_given_each_as_one_argument(shell, tmp_path):
    code, seen, output = shell(
        script(ACTION, "Check"),
        BASELINE="transformers==4.57.6 accelerate==1.0",
        CANDIDATE="$(touch hacked); `touch hacked`",
        BATCH_SIZES="8,64",
        ARGS="--device cuda\n--margin 5%",
    )
    place = tmp_path / "temp" / "looptax"
    assert code == 0
    assert seen == [
        *("[-m]", "[bench.upgrade]", "[--format]", "[github]", "[--junit]", f"[{place}/junit.xml]"),
        *("[--out]", f"[{place}/results]", "[--baseline]", "[transformers==4.57.6 accelerate==1.0]"),
        *("[--candidate]", "[$(touch hacked); `touch hacked`]", "[--batch-size]", "[8,64]"),
        *("[--device]", "[cuda]", "[--margin]", "[5%]"),
    ]
    assert not (tmp_path / "hacked").exists()
    assert output.splitlines() == [f"summary={place}/summary.md", f"junit={place}/junit.xml"]


def test_the_check_takes_two_requirements_files(shell):
    _, seen, _ = shell(script(ACTION, "Check"), REQUIREMENTS_OLD="old dir/a.txt", REQUIREMENTS_NEW="b.txt", ARGS="")
    assert seen[-3:] == ["[--requirements]", "[old dir/a.txt]", "[b.txt]"]


@pytest.mark.parametrize(
    ("ended", "fail_when", "code"),
    [
        (0, "regressed,failed", 0),
        (1, "regressed,failed", 1),
        (3, "regressed,failed", 0),
        (4, "regressed, failed", 4),
        (3, "regressed,failed,undecided", 3),
        (1, "", 0),
        (2, "", 2),
        (130, "", 130),
    ],
)
def test_the_step_fails_on_the_verdicts_that_were_named(shell, ended, fail_when, code):
    assert shell(script(ACTION, "Check"), CODE=str(ended), FAIL_WHEN=fail_when)[0] == code


def test_the_short_summary_ends_before_the_details(shell, tmp_path):
    (tmp_path / "sum.md").write_text("## The answer\n\n| a |\n<details>\nlong\n</details>\n")
    shell(script(ACTION, "Check"))
    assert (tmp_path / "temp" / "looptax" / "summary.md").read_text() == "## The answer\n\n| a |\n"


def test_packages_are_installed_before_looptax(shell):
    _, seen, _ = shell(script(ACTION, "Install"), PACKAGES="-r requirements.txt\ntorch==2.13.0 *")
    first = ["[-m]", "[pip]", "[install]", "[-r]", "[requirements.txt]", "[torch==2.13.0]", "[*]"]
    assert seen == [*first, "[-m]", "[pip]", "[install]", "[/the action]"]


def test_no_packages_are_none(shell):
    assert shell(script(ACTION, "Install"), PACKAGES="")[1] == ["[-m]", "[pip]", "[install]", "[/the action]"]


PROPOSED, NEWEST = ROOT / "docs" / "ci" / "proposed-release.yml", ROOT / "docs" / "ci" / "newest-release.yml"


@pytest.mark.parametrize(("new", "differ"), [("transformers==5.2\n", "true"), ("transformers==5.1\n", "false")])
def test_torch_is_left_out_of_both_files(shell, tmp_path, new, differ):
    others = "torchvision==0.21\n--extra-index-url https://x\n"
    for side, text in (("old", "torch==2.6.0\ntransformers==5.1\n"), ("new", f"torch>=2.7 # comment\n{new}")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "requirements.txt").write_text(text + others)
    code, _, output = shell(script(PROPOSED, "Without torch"))
    assert (code, output) == (0, f"differ={differ}\n")
    assert (tmp_path / "new" / "looptax-requirements.txt").read_text() == new + others


GH = """#!/bin/sh
for each; do echo "[$each]"; done >> "$RECORD"
case "$*" in *--paginate*) printf "$IDS" ;; *) cat body.md >> "$RECORD" ;; esac
"""


@pytest.mark.parametrize(
    ("ids", "method", "path"),
    [("", "POST", "repos/a/b/issues/7/comments"), ("31\\n32\\n", "PATCH", "repos/a/b/issues/comments/31")],
)
def test_one_comment_is_posted_and_then_renewed(shell, tmp_path, ids, method, path):
    (tmp_path / "looptax").mkdir()
    (tmp_path / "looptax" / "summary.md").write_text("## The answer\n")
    known = {"NUMBER": "7", "REPOSITORY": "a/b", "RUN_URL": "https://x/1", "IDS": ids}
    code, seen, _ = shell(script(PROPOSED, "Post the table, or renew it"), gh=GH, **known)
    assert code == 0
    place = seen.index(f"[{method}]")
    assert seen[place + 1 : place + 4] == [f"[{path}]", "[--field]", "[body=@body.md]"]
    assert seen[place + 4 : place + 6] == ["<!-- looptax -->", "## The answer"]
    assert seen[-1] == "The whole report is in the artifact of [this run](https://x/1)."


def test_without_a_summary_nothing_is_posted(shell):
    assert shell(script(PROPOSED, "Post the table, or renew it"), gh=GH)[:2] == (0, [])


def test_the_newest_release_is_the_first_that_pip_names(shell):
    listed = '#!/bin/sh\nprintf "transformers (5.24.0)\\nAvailable versions: 5.24.0, 5.23.0\\n"\n'
    code, _, output = shell(script(NEWEST, "The newest release"), python=listed, PACKAGE="transformers")
    assert (code, output) == (0, "candidate=transformers==5.24.0\n")


# A cluster.

CLUSTER = ROOT / "docs" / "cluster"


def test_the_job_of_kuberay_calls_a_verb_and_its_nodes_have_one_image():
    job = parsed(CLUSTER / "rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    python, module, verb, *flags = shlex.split(job["spec"]["entrypoint"])
    assert (python, module, verb) == ("python", "-m", "bench.run")
    known = {name for parameter in get_command(app.app_of(run.main)).params for name in parameter.opts}
    assert {flag for flag in flags if flag.startswith("--")} <= known
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    (image,) = {each["image"] for group in groups for each in group["template"]["spec"]["containers"]}
    assert image
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_slurm_script_begins_a_cluster_of_all_nodes_and_hands_its_address_on(tmp_path):
    tools = {
        "scontrol": "printf 'n1\\nn2\\nn3\\n'",
        "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
        "hostname": "echo 10.0.0.1",
        "ray": """echo "ray $*" >> "$RECORD"
[ "$1" = status ] || exit 0
grep -q "ray start --head" "$RECORD" || exit 1
printf ' 1 node_a\\n'
grep -q "ray start --address" "$RECORD" && printf ' 1 node_b\\n 1 node_c\\n'
exit 0""",  # the others are there once they have been begun
        "python": 'echo "python $*" >> "$RECORD"',
    }
    for name, body in tools.items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{body}\n")
        tool.chmod(0o755)
    record = tmp_path / "record"
    slurm = {"SLURM_JOB_NODELIST": "n[1-3]", "SLURM_JOB_NUM_NODES": "3", "RECORD": str(record)}
    subprocess.run(
        ["bash", CLUSTER / "slurm.sh", "--preset", "quick"],
        env={**os.environ, **slurm, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
    )
    lines = record.read_text().splitlines()
    assert "ray start --head --port=6379 --block" in lines
    assert "ray start --address=10.0.0.1:6379 --block" in lines
    assert lines[-1] == ("python -m bench.run --executor ray --ray-address 10.0.0.1:6379 --device cuda --preset quick")
