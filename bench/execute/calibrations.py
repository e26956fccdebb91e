"""Calibrations of this machine, kept beside the environments in the user's cache folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from bench.errors import UsageError
from bench.plan import devices
from bench.records import files
from bench.records.cache import cache_folder, private
from bench.records.calibrations import Calibration, Identity
from bench.records.schema import Machine, Settings

FOLDER = "calibrations"


def path_of(identity: Identity) -> Path:
    """Where the calibration of a machine and device stands; everything that makes it another one is in the name."""
    digest = hashlib.sha256(identity.model_dump_json().encode()).hexdigest()[:12]
    label = re.sub(r"[^A-Za-z0-9.]+", "-", f"{identity.device}-{identity.accelerator or identity.cpu}").strip("-")
    return cache_folder() / FOLDER / f"{label[:60]}-{digest}.json"


def keep(calibration: Calibration) -> Path:
    """Write it whole or not at all in the place of an older one; raises `UsageError` where that cannot be done."""
    path = path_of(calibration.identity)
    try:
        private(FOLDER)
        files.write(path, calibration.model_dump_json(by_alias=True, indent=1) + "\n", mode=files.OWNER)
    except OSError as error:
        raise UsageError(
            f"The calibration cannot be kept in {path} ({error.strerror}); name another folder with LOOPTAX_CACHE."
        ) from None
    return path


def known(machine: Machine, names: Iterable[str]) -> list[Calibration]:
    """The calibrations of these devices that there are; one that cannot be read counts as none."""
    stored = (_read(path_of(Identity.of(machine, device))) for device in dict.fromkeys(names))
    return [calibration for calibration in stored if calibration is not None]


def of_plan(planned: Settings, machine: Machine, machines: Mapping[str, Machine] | None = None) -> list[Calibration]:
    """The calibrations of the devices that a plan measures on; `machines` by accelerator type, where it has such."""
    return [
        calibration
        for kind, on in devices.by_kind(machine, machines)
        for calibration in known(
            on, (comparison.device for comparison in planned.comparisons if comparison.accelerator_type == kind)
        )
    ]


def _read(path: Path) -> Calibration | None:
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
