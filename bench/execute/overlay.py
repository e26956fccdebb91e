"""A virtual environment over the current one: its own packages win, all others are the current ones.

Torch is therefore the same binary in every environment, and an overlay is tens of megabytes.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sysconfig
import venv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.utils import canonicalize_name

from bench.errors import UninstallableError

# The last in alphabetical order: Python reads .pth files so, and a checkout's own comes first.
PTH = "zzz-looptax-base.pth"

# The first of a name on the path is what is imported; two releases may spell their name differently.
READ_BACK = """
import importlib.metadata, importlib.util, json, re
packages, direct = {}, []
for one in importlib.metadata.distributions():
    name = re.sub("[-_.]+", "-", one.name or "").lower()
    if name and name not in packages:
        packages[name] = one.version
        direct += [name] * (one.read_text("direct_url.json") is not None)
torch = importlib.util.find_spec("torch")
print(json.dumps({"packages": packages, "direct": direct, "torch": torch and torch.origin}))
"""

# What shows that a release works with this Python and this torch. Transformers imports lazily, so
# that its own import shows nothing.
PROBES = {
    "transformers": "from transformers import Trainer, TrainingArguments",
    "accelerate": "from accelerate import Accelerator",
    "pytorch-lightning": "from pytorch_lightning import Trainer; from lightning_fabric import Fabric",
    "lightning": "from lightning import Trainer, Fabric",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What an interpreter sees: versions by normalised name, and which came from a path or a URL."""

    packages: dict[str, str]
    direct: frozenset[str]


def base_folders() -> list[str]:
    """The folders that the current interpreter takes its packages from, in its order."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders = [site.getusersitepackages(), *folders]
    return [folder for folder in dict.fromkeys(folders) if Path(folder).is_dir()]


def base_packages() -> dict[str, str]:
    """Version of every package of the current interpreter, by normalised name."""
    found: dict[str, str] = {}
    for one in metadata.distributions(path=base_folders()):
        found.setdefault(canonicalize_name(one.name), one.version)
    return found


def create(folder: Path) -> Path:
    """Make an overlay that has nothing of its own yet, and return the path of its interpreter."""
    venv.EnvBuilder(symlinks=os.name != "nt", with_pip=False, clear=True).create(folder)
    own = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    # `addsitedir` and not a bare path: the current environment's own .pth files are read too, and
    # with them its editable installs, this one's among them.
    lines = [f"import site; site.addsitedir({base!r})" for base in base_folders()]
    (own / PTH).write_text("\n".join(lines) + "\n")
    return interpreter(folder)


def interpreter(folder: Path) -> Path:
    """The path of an overlay's Python."""
    return Path(sysconfig.get_path("scripts", "venv", vars={"base": str(folder)})) / "python"


def read_back(python: Path) -> Found:
    """What the interpreter of an overlay sees; raises `UninstallableError` when its torch is another one."""
    done = _run(python, READ_BACK)
    if done.returncode != 0:
        raise UninstallableError(f"The new environment's Python does not start: {_last_line(done.stderr)}.")
    read = json.loads(done.stdout)
    current = find_spec("torch")
    if current is not None and read["torch"] != current.origin:
        raise UninstallableError(
            f"The environment would have another torch ({read['torch']}), so that nothing could be compared; "
            "leave out what brings it."
        )
    return Found(packages=read["packages"], direct=frozenset(read["direct"]))


def try_imports(python: Path, names: Iterable[str], packages: Mapping[str, str]) -> None:
    """Import each package that has a probe; raises `UninstallableError` with the reason of the first that fails."""
    for name in sorted(set(names) & set(PROBES)):
        done = _run(python, PROBES[name])
        if done.returncode != 0:
            raise UninstallableError(
                f"{name} {packages[name]} is installed but cannot be imported here: {_last_line(done.stderr)}."
            )


def _run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    # -P: a package in the folder where the user stands is none of the environment's.
    return subprocess.run([str(python), "-P", "-c", code], capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
