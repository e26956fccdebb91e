"""What a user can be told.

BenchError                     one sentence, exit code 2: the command is wrong
├── UsageError                 a flag's value cannot be had
├── DeviceError                a device that isn't there
├── UninstallableError         an environment that can't be installed or imported here
├── IndexUnreachableError      a package index that does not answer
├── RunFolderError             a run folder that can't be read, written or resumed
└── InterruptedReportError     130: a user who did not wait for the report
"""

from __future__ import annotations


class BenchError(Exception):
    """One sentence that names the flag, file or line, and the way out."""

    exit_code = 2


class UsageError(BenchError):
    """A flag's value cannot be had."""


class DeviceError(BenchError):
    """A device that isn't there."""


class UninstallableError(BenchError):
    """An environment that can't be installed or imported here."""


class IndexUnreachableError(BenchError):
    """A package index that does not answer."""


class RunFolderError(BenchError):
    """A run folder that can't be read, written or resumed."""


class InterruptedReportError(BenchError):
    """A user who did not wait for the report of what was measured."""

    exit_code = 130


class ExitCode:
    """Exit codes of every verb."""

    FINE = 0
    REGRESSED = 1
    WRONG_COMMAND = 2
    UNDECIDED = 3
    SOME_CELLS_FAILED = 4
    CRASHED = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130
