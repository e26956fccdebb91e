"""Joining a Ray cluster, or beginning one of this machine alone."""

from __future__ import annotations

import socket
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "pip install 'looptax[ray]'"
ANSWERS_S = 10.0
"""Within which a cluster takes a connection."""


def connect(address: str | None) -> ModuleType:
    """Join the Ray cluster at `address`, or without one begin one of this machine alone.

    Raises `UsageError` where Ray is not installed, and where no cluster answers.
    """
    try:
        import ray  # an extra
        from ray import init, is_initialized  # which a folder that is called ray has not
    except ImportError:
        raise UsageError(f"--executor ray needs Ray: {INSTALL}.") from None
    if not is_initialized():
        beginning = {} if address else {"include_dashboard": False}
        try:
            _refuse_silent(address)
            with redirect_stdout(sys.stderr):
                init(address=address or "local", log_to_driver=False, configure_logging=False, **beginning)
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"--ray-address {address}: no Ray cluster answers there ({first_line(error)}); `ray start --head` "
                "begins one, and without the flag there is one of this machine alone."
            ) from None
    module: ModuleType = ray
    return module


def _refuse_silent(address: str | None) -> None:
    """Raise `OSError` where nobody listens, for which Ray waits minutes before it ends the process."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), ANSWERS_S).close()


def first_line(error: Exception) -> str:
    """What an error says first, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
