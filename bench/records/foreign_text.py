"""Text that looptax did not write itself: what must not be kept of it, and what must not reach a terminal.

A command line, a requirement or the reason of a failure is kept in run folders, which people publish. Masking is by
pattern and so no proof: a password that nothing marks as one cannot be told from any other word.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

MASK = "***"
SHOWN = "\N{REPLACEMENT CHARACTER}"
_NAME = (
    r"(?<![^\W_])(?<!\b(?:pad|eos|bos|unk|sep|cls)[-_])(?<!\bmask[-_])(?:token|secret|password|passwd|passphrase|pwd"
    r"|credentials?|bearer|apikey|(?:api|access|private|auth|secret|account|signing|encryption|license|wandb)[-_]?key)"
)
"""The end of a name, whatever stands before its last `-`, `_` or `.`; a `--pad-token` is a word of a tokenizer's."""
_URL = re.compile(r"\b([a-z][a-z0-9+.-]{0,20}://)(?!git@|\*\*\*@)[^/\s\"'@]+@", re.IGNORECASE)
"""A user, or a user and a password, before the host; `git@`, as of SSH, is nobody's secret."""
_SETTING = re.compile(rf"({_NAME}[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)([^\s\"'&,;)}}]+)", re.IGNORECASE)
"""`HF_TOKEN=…`, `--api-key=…`, `?token=…`, `password: …`."""
_OPTION = re.compile(
    rf"(?<!\S)(--?(?:[\w.-]{{0,80}}[-_.])?{_NAME}|--?key)([ =]+)(\"[^\"]*\"|'[^']*'|\S+)", re.IGNORECASE
)
"""`--token …`: without the dashes it would be a sentence about a token."""
_NO_VALUE = re.compile(r"--[a-z][\w.-]*(?:=.*)?|-[a-z]|true|false|yes|no|none|null", re.IGNORECASE)
"""What follows a flag that has no value of its own, or switches it."""
_NUMBER = r"[-+]?\d{1,6}(?:\.\d{1,6})?"
_NO_TOKEN = re.compile(rf"--?(?:[\w.-]*[-_.])?token (?:{_NUMBER}|<[\w|/-]{{1,20}}>|\[[\w-]{{1,20}}\])", re.IGNORECASE)
_NO_KEY = re.compile(rf"--?key (?:{_NUMBER}|[a-z]{{1,5}}|[a-z]{{1,12}}(?:_[a-z]{{1,12}})+)")
"""A tokenizer's word or number; a number of attention's, or a short name, as of a column."""
_BEGUN_FLAG = re.compile(r"(?<!\S)--?[\w.-]{0,80}$")
_QUERY = re.compile(r"([?&](?:key|sig|signature|x-amz-[\w-]+|x-goog-[\w-]+)=)(?!\*\*\*)[^\s\"'&#]+", re.IGNORECASE)
"""What signs an address."""
_HEADER = re.compile(
    r"\b(authorization: *)(?:(?:bearer|basic|token) +)?[^\s\"']+|\b(bearer +)[\w.~+/=-]{8,}", re.IGNORECASE
)
_KNOWN = re.compile(
    r"\b(?:hf_\w{20,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|pypi-[\w-]{40,}|sk-[\w-]{20,}|AKIA[0-9A-Z]{16}"
    r"|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,4096}\.[\w-]{10,4096}\.[\w-]+)"
)
"""Tokens that show by their form what they are, of Hugging Face, GitHub, GitLab, PyPI, OpenAI, AWS, Slack; and JWTs."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSEEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What changes the direction of a line, ends one, or has no width: by it two names look alike, or one like another."""


def without_secrets(text: str) -> str:
    """`text` with `***` in the place of credentials; the same once more where they are masked already."""
    text = _URL.sub(rf"\g<1>{MASK}@", text)
    text = _HEADER.sub(lambda match: f"{match[1] or match[2]}{MASK}", text)
    text = _OPTION.sub(lambda match: _masked(match[1], match[2], match[3]), text)
    text = _QUERY.sub(rf"\g<1>{MASK}", text)
    return _KNOWN.sub(MASK, _SETTING.sub(_masked_setting, text))


def _masked(flag: str, between: str, value: str) -> str:
    """A flag and its value, which is masked where it may be a credential."""
    bare = value.strip("\"'")
    text = f"{flag} {bare}"
    is_harmless = _NO_VALUE.fullmatch(bare) or _NO_TOKEN.fullmatch(text) or _NO_KEY.fullmatch(text)
    return f"{flag}{between}{value if is_harmless else MASK}"


def _masked_setting(match: re.Match[str]) -> str:
    """The same of a setting; one that is the end of a flag was looked at as such."""
    name, value = match.groups()
    begun = _BEGUN_FLAG.search(match.string, max(match.start() - 90, 0), match.start())
    if name.endswith("=") and begun:
        return _masked(begun[0] + name[:-1], "=", value).removeprefix(begun[0])
    return match[0] if _NO_VALUE.fullmatch(value) else f"{name}{MASK}"


def printable(text: str) -> str:
    """`text` without what a terminal obeys, and without what nobody sees: escapes, changes of direction, no widths.

    Lines and tabs stay; the rest is shown as U+FFFD, so that it can be seen that something was there.
    """
    return _UNSEEN.sub(SHOWN, _CONTROL.sub(SHOWN, text))


def printable_in(value: Any) -> Any:
    """The same of every text in a JSON value."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_in(key): printable_in(each) for key, each in value.items()}
    return [printable_in(item) for item in value] if isinstance(value, list | tuple) else value


ForeignText = Annotated[str, AfterValidator(without_secrets)]
"""A field of a record that somebody else has written: nothing secret of it is kept."""
