from pathlib import Path
from xml.etree import ElementTree as Xml

import xmlschema

from bench.report.media import junit
from tests.factories import STARTED, cell
from tests.report.answers import case

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def suite(**changes):
    usual = {"verb": "upgrade", "started_at": STARTED, "properties": {"command": "python -m bench.upgrade"}}
    return junit.Suite(**usual | changes)


def parsed(text):
    SCHEMA.validate(text)
    return Xml.fromstring(text).find("testsuite")


def test_verdicts_are_cases_that_failed_were_skipped_or_passed():
    cases = [case(), case("skipped", "warning", reason="undecided: too few blocks"), case("passed", None)]
    document = parsed(junit.document(suite(out="Worse: step time regressed."), cases, {}))
    assert {name: document.get(name) for name in ("name", "tests", "failures", "skipped", "errors", "timestamp")} == {
        "name": "bench.upgrade",
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
        "timestamp": "2026-01-02T03:04:05",
    }
    failed, skipped, passed = document.findall("testcase")
    assert failed.find("failure").get("message") == failed.find("failure").text == "regressed: 681 µs → 735 µs"
    assert failed.find("failure").get("type") == "regressed"
    assert (failed.get("classname"), failed.get("name")) == ("hf-trainer at batch 64 of mlp on cpu", "step time")
    assert skipped.find("skipped").get("message") == "undecided: too few blocks"
    assert len(passed) == 0
    assert document.findtext("system-out") == "Worse: step time regressed."


def test_a_case_of_a_cell_takes_as_long_as_its_trials():
    own = cell("hf-trainer")
    document = parsed(junit.document(suite(), [case(cell=own), case()], {own: 12.3456, cell("pytorch"): 99.0}))
    assert [each.get("time") for each in document.findall("testcase")] == ["12.346", "0.000"]
    assert document.get("time") == "12.346"


def test_no_text_can_break_the_document():
    nasty = "\x1b[31m<b>&\"']]>\x00\ud800 ok \U0001f600\n\ttab"
    parsed_suite = parsed(
        junit.document(suite(out=nasty, properties={"command": nasty}), [case(of=nasty, reason=nasty)], {})
    )
    failure = parsed_suite.find("testcase").find("failure").text
    assert failure == "\ufffd[31m<b>&\"']]>\ufffd\ufffd ok \U0001f600\n\ttab"


def test_an_error_is_a_case_too():
    document = parsed(junit.of_error(suite(), "DeviceError", "--device cuda:7 is not there."))
    assert (document.get("tests"), document.get("errors")) == ("1", "1")
    error = document.find("testcase").find("error")
    assert (error.get("type"), error.text) == ("DeviceError", "--device cuda:7 is not there.")


def test_no_cases_are_a_document_as_well():
    assert parsed(junit.document(suite(), [], {})).get("tests") == "0"
