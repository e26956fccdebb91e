"""An answer as JUnit XML: a test case a verdict or a cell.

Written so that the strictest of its readers accept it, which want every attribute and a fixed order
(Ant's), and in the words that Jenkins, GitLab and GitHub actions show: `message` also of what was skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as Xml  # nosec B405

from bench.records.foreign_text import SHOWN, printable
from bench.records.schema import Cell
from bench.report.document.parts import Case

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold, such as the escapes of a terminal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """What the cases of one verb share."""

    verb: str
    started_at: datetime
    properties: Mapping[str, str]
    out: str = ""
    """What the verb has to say in words."""


def document(suite: Suite, cases: Sequence[Case], seconds: Mapping[Cell, float]) -> str:
    """Write the cases; `seconds` says how long all trials of a cell took."""
    own = [0.0 if case.cell is None else seconds.get(case.cell, 0.0) for case in cases]
    root, element = _suite(suite, tests=len(cases), seconds=sum(own))
    for outcome, counted in (("failed", "failures"), ("skipped", "skipped")):
        element.set(counted, str(sum(case.outcome == outcome for case in cases)))
    for case, took_s in zip(cases, own, strict=True):
        _case(element, case, took_s)
    return _text(root, element, suite.out)


def of_error(suite: Suite, kind: str, sentence: str) -> str:
    """Write the one case of a verb that came to nothing."""
    root, element = _suite(suite, tests=1, seconds=0.0)
    element.set("errors", "1")
    case = Xml.SubElement(element, "testcase", name="the command", classname=f"bench.{suite.verb}", time="0.000")
    Xml.SubElement(case, "error", message=_clean(sentence), type=kind).text = _clean(sentence)
    return _text(root, element, suite.out)


def _suite(suite: Suite, *, tests: int, seconds: float) -> tuple[Xml.Element, Xml.Element]:
    root = Xml.Element("testsuites")
    element = Xml.SubElement(
        root,
        "testsuite",
        {
            "name": f"bench.{suite.verb}",
            "package": "looptax",
            "id": "0",
            "timestamp": f"{suite.started_at:%Y-%m-%dT%H:%M:%S}",
            "hostname": "localhost",
            "tests": str(tests),
            "failures": "0",
            "errors": "0",
            "skipped": "0",
            "time": f"{seconds:.3f}",
        },
    )
    properties = Xml.SubElement(element, "properties")
    for name, value in suite.properties.items():
        Xml.SubElement(properties, "property", name=name, value=_clean(value))
    return root, element


def _case(suite: Xml.Element, case: Case, took_s: float) -> None:
    known = {"name": _clean(case.name), "classname": _clean(case.of), "time": f"{took_s:.3f}"}
    element = Xml.SubElement(suite, "testcase", known)
    reason = _clean(case.reason)
    if case.outcome == "failed":
        Xml.SubElement(element, "failure", message=reason, type=_clean(case.kind)).text = reason
    elif case.outcome == "skipped":
        Xml.SubElement(element, "skipped", message=reason)


def _text(root: Xml.Element, suite: Xml.Element, out: str) -> str:
    Xml.SubElement(suite, "system-out").text = _clean(out)
    Xml.SubElement(suite, "system-err").text = ""
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    return NOT_XML.sub(SHOWN, printable(text))
