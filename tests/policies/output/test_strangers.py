# SPDX-License-Identifier: Apache-2.0
"""Other people's tools read what the gate writes: SARIF, JUnit and CycloneDX, for reports of every outcome."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from junitparser import JUnitXml

from contracts.cyclonedx import Model, ml_bom
from policies.output.formats import renderer
from policies.report import Report
from policies.targets.bundle import read_bundle
from tests.conformance.outside import outside
from tests.policies.output.reports import empty, failed, incomplete, passed, real

every_outcome = pytest.mark.parametrize(
    "make", [passed, failed, incomplete, empty, real], ids=lambda make: make.__name__
)
Make = Callable[[], Report]


@every_outcome
def test_sarif_keeps_the_schema_of_oasis(make: Make) -> None:
    """The schema that Microsoft's tools carry, read by jsonschema."""
    schema = json.loads(outside("sarif-2.1.0.json").read_text("utf-8-sig"))
    jsonschema.validate(json.loads(renderer("sarif")(make())), schema)


@every_outcome
def test_sarif_satisfies_microsofts_validator_and_githubs_rules(make: Make, tmp_path: Path) -> None:
    """SARIF Multitool finds no error and no warning, with the rules for GitHub's code scanning switched on."""
    (tmp_path / "gate.sarif").write_text(renderer("sarif")(make()), "utf-8")
    finished = subprocess.run(
        [
            str(outside("sarif-multitool")), "validate", str(tmp_path / "gate.sarif"), "--output",
            str(tmp_path / "found.sarif"), "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning",
        ],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (tmp_path / "found.sarif").exists(), finished.stdout + finished.stderr
    (run,) = json.loads((tmp_path / "found.sarif").read_text("utf-8-sig"))["runs"]
    assert [told(result) for result in run["results"]] == []
    assert run["invocations"][0]["executionSuccessful"]


def told(result: dict[str, Any]) -> str:
    where = result.get("locations", [{}])[0].get("physicalLocation", {}).get("region")
    return f"{result['ruleId']} {result['message']} {where}"


@every_outcome
def test_junit_keeps_the_schema_of_jenkins(make: Make) -> None:
    """The schema that Jenkins publishes, read by xmlschema."""
    xmlschema.XMLSchema(str(outside("junit.xsd"))).validate(renderer("junit")(make()))


@every_outcome
def test_junit_counts_as_junitparser_counts(make: Make) -> None:
    """What the attributes say is what another reader counts, and it fails exactly when the run did not pass."""
    report = make()
    read = JUnitXml.fromstring(renderer("junit")(report).encode())
    said = (read.tests, read.failures, read.errors)
    read.update_statistics()  # type: ignore[no-untyped-call]
    assert (read.tests, read.failures, read.errors) == said
    assert (read.failures + read.errors > 0) is not report.passed


@every_outcome
def test_the_bill_of_materials_is_strictly_cyclonedx(make: Make) -> None:
    """The strict validator of CycloneDX 1.7 has nothing to say."""
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(renderer("cyclonedx")(make())) is None


@pytest.mark.parametrize("name", ["models/telco-watson/1.0.0", "models/telecom-churn/1.0.0"])
def test_the_bill_of_a_single_card_is_strictly_cyclonedx(name: str) -> None:
    """So has it nothing to say of what the service serves, and it is awake: an unknown key is refused."""
    bundle = read_bundle(name)
    text = ml_bom([Model(bundle.card, bundle.card_digest)]).decode()
    validator = JsonStrictValidator(SchemaVersion.V1_7)
    assert validator.validate_str(text) is None
    assert validator.validate_str(json.dumps(json.loads(text) | {"unknown": 1})) is not None
