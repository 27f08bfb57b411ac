# SPDX-License-Identifier: Apache-2.0
"""Every format tells the same story: outcome, waived, upcoming, bases, notices; none of them says compliant."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.output.formats import FORMATS, renderer
from policies.output.json_report import report_json_schema
from policies.output.markdown import MAX_BYTES
from policies.place import Place
from policies.report import Report
from policies.rules.judgement import Finding
from tests.policies.output.reports import FAILING, NASTY, SLIGHT, empty, failed, finding, incomplete, passed, real

SCHEMA = Path("docs/schema/report.schema.json")
every_format = pytest.mark.parametrize("name", FORMATS)


@every_format
def test_no_format_says_compliant(name: str) -> None:
    """A gate finds things or does not; whether a law is kept is for people to say."""
    assert "compliant" not in "".join(renderer(name)(make()) for make in (passed, failed, incomplete, real)).lower()


@every_format
def test_every_format_tells_the_outcome(name: str) -> None:
    """Passed, failed and could not evaluate cannot be taken for one another."""
    render = renderer(name)
    assert len({render(make()) for make in (passed, failed, incomplete)}) == 3
    for make, word in ((passed, "passed"), (failed, "failed"), (incomplete, "could not evaluate")):
        assert word in render(make()).lower()


@every_format
def test_every_format_tells_what_is_waived_upcoming_and_who_approved(name: str) -> None:
    """The waiver, the date of the duty and the notice about the key are in every format."""
    text = renderer(name)(passed())
    for told in ("W-1", "2027-12-02", "demonstration key"):
        assert told in text


@every_format
def test_every_format_is_the_same_twice(name: str) -> None:
    """Nothing random and no clock is in a report."""
    assert renderer(name)(incomplete()) == renderer(name)(incomplete())


def test_json_keeps_its_published_schema() -> None:
    """What is written fits the schema that is published, which is the one that the code gives."""
    schema = json.loads(SCHEMA.read_text())
    assert schema == report_json_schema()
    for make in (passed, failed, incomplete, empty, real):
        jsonschema.validate(json.loads(renderer("json")(make())), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(renderer("json")(passed())) | {"outcome": "compliant"}, schema)


def test_json_leaves_nothing_out() -> None:
    """Each case with its findings, and each count, as in the report."""
    report = incomplete()
    document = json.loads(renderer("json")(report))
    assert document["outcome"] == "could not evaluate"
    assert len(document["cases"]) == len(report.cases)
    upcoming = next(case for case in document["cases"] if case["rule"] == "OPS-005")
    assert (upcoming["upcoming"], upcoming["days_left"], upcoming["basis"]) == ("2027-12-02", 374, "absent")
    assert document["states"] == {"pass": 2, "fail": 3, "error": 1, "not_applicable": 1, "waived": 1}
    failing = next(case for case in document["cases"] if case["rule"] == "APPR-005")
    assert failing["findings"][1]["seen"] == NASTY
    assert {"CARD-003", "GIT-001"} <= {rule["id"] for rule in document["rules"]}
    assert document["law_as_of"] is not None


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any text, characters included that no UTF-8 and no XML can hold."""


@given(
    message=ANYTHING,
    seen=ANYTHING,
    file=st.text(st.characters(exclude_categories=(), exclude_characters="\0"), min_size=1, max_size=30),
)
def test_no_text_of_a_model_breaks_a_format(message: str, seen: str, file: str) -> None:
    """Whatever stands in a card, a file name or an author: every report can be written, and reads as before."""
    told = Finding(place=Place(file, 3, 4), message=message, wanted="w", seen=seen)
    report = msgspec.structs.replace(failed(), cases=(msgspec.structs.replace(FAILING, findings=(told,)),))
    written = {name: renderer(name)(report) for name in FORMATS}
    for text in written.values():
        text.encode("utf-8")
    assert len(json.loads(written["json"])["cases"]) == 1
    assert len(json.loads(written["sarif"])["runs"][0]["results"]) == 1
    assert len(ET.fromstring(written["junit"]).findall(".//failure")) == 1
    assert json.loads(written["cyclonedx"])["bomFormat"] == "CycloneDX"
    assert [line.split(" ")[0] for line in written["github"].splitlines()] == ["::error", "::notice", "countersign:"]
    rows = [line for line in written["markdown"].splitlines() if line.startswith("| ")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 4


def annotations(report: Report) -> list[str]:
    return renderer("github")(report).splitlines()


def test_annotations_are_one_command_a_line_whatever_a_card_says() -> None:
    """Line feeds, percent signs, colons and commas of a value cannot start a command or end a property."""
    lines = annotations(failed())
    assert all(line.startswith(("::error ", "::warning ", "::notice ", "countersign: ")) for line in lines)
    nasty = next(line for line in lines if "%0A::error::" in line)
    assert "100%25" in nasty
    named = msgspec.structs.replace(FAILING, rule=msgspec.structs.replace(FAILING.rule, title="a, b: 100% c"))
    assert "title=APPR-005 a%2C b%3A 100%25 c::" in "".join(
        annotations(msgspec.structs.replace(failed(), cases=(named,)))
    )


def test_annotations_keep_githubs_bounds_and_say_what_was_dropped() -> None:
    """Ten of each kind, the worst first, and the last line counts the rest."""
    blocking = msgspec.structs.replace(FAILING, findings=tuple(finding(f"m{n}", n) for n in range(1, 14)))
    slight = msgspec.structs.replace(SLIGHT, findings=tuple(finding(f"s{n}", n) for n in range(1, 12)))
    lines = annotations(msgspec.structs.replace(failed(), cases=(slight, blocking)))
    kinds = [line.split(" ", 1)[0] for line in lines]
    assert (kinds.count("::error"), kinds.count("::warning")) == (10, 10)
    assert kinds[:10] == ["::error"] * 10
    assert lines[-1] == "countersign: 3 errors, 1 warnings more in the summary"


def test_markdown_escapes_what_a_card_says() -> None:
    """No table cell, image, mention or issue of a model's own making."""
    page = renderer("markdown")(failed())
    assert r"a\|b ::error::\<img src=x\>" in page
    assert "@everyone" not in page
    assert "#1 " not in page


def test_markdown_fits_a_summary() -> None:
    """Never more than 1 MiB; the worst stay, the rest is counted, and what was judged is still told."""
    many: tuple[Finding, ...] = tuple(finding("x" * 2_000, line) for line in range(1, 1_200))
    slight = msgspec.structs.replace(SLIGHT, findings=many)
    page = renderer("markdown")(msgspec.structs.replace(failed(), cases=(slight, FAILING)))
    assert len(page.encode()) <= MAX_BYTES
    assert "APPR-005" in page
    assert "more findings are left out of this page" in page
    assert "### What was judged" in page


def test_a_run_that_judged_nothing_is_an_error_in_every_format() -> None:
    """An empty run looks like no pass to a reader of any format."""
    assert 'errors="1"' in renderer("junit")(empty())
    assert "::error " in renderer("github")(empty())
    assert '"executionSuccessful": false' in renderer("sarif")(empty())
    assert "could not evaluate" in renderer("markdown")(empty())
    assert json.loads(renderer("json")(empty()))["outcome"] == "could not evaluate"
