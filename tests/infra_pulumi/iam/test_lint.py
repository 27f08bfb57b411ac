# SPDX-License-Identifier: Apache-2.0
"""Every policy document means to AWS what it says: known actions, on resources and under conditions that fit them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra_pulumi.iam.document import Document, allow, document
from tests.infra_pulumi.iam import documents as the
from tests.infra_pulumi.iam.decisions import LOG, as_list

PROGRAM = Path(__file__).parent / "parliament_program.py"


def linted(documents: Mapping[str, Document]) -> dict[str, list[str]]:
    """Findings by document, where there are any."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", str(PROGRAM)],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    findings: dict[str, list[str]] = json.loads(finished.stdout)
    assert findings.keys() == documents.keys()
    return {name: found for name, found in findings.items() if found}


def test_no_document_has_a_finding() -> None:
    """Identity policies, tables' and keys' policies and the bucket's."""
    documents = the.documents()
    found = linted({**documents.identity, **documents.guards})
    keys = {arn for arn in documents.guards if arn.startswith("arn:aws:kms:")}
    # In a key's own policy "*" is that key, and nothing else can stand there.
    rest = {arn: [one for one in found.get(arn, []) if not one.startswith("RESOURCE_STAR")] for arn in keys}
    assert {name: findings for name, findings in (found | rest).items() if findings} == {}


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (allow("X", ["dynamodb:PutItemz"], [LOG]), "UNKNOWN_ACTION"),
        (allow("X", ["s3:PutObject"], [the.BUCKET]), "RESOURCE_MISMATCH"),
        (allow("X", ["dynamodb:UpdateItem"], [the.BUCKET]), "RESOURCE_MISMATCH"),
        (allow("X", ["dynamodb:DeleteItem"], ["*"]), "RESOURCE_STAR"),
        (allow("X", ["dynamodb:GetItem"], [LOG], {"StringEquals": {"s3:prefix": "x"}}), "UNKNOWN_CONDITION"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_linter_sees(statement: Document, finding: str) -> None:
    """A clean report means something only if each of these is none."""
    ((found,),) = linted({"planted": document(statement)}).values()
    assert found.startswith(finding)


def test_what_is_allowed_is_named() -> None:
    """No action is a pattern, and no resource is everything but for the one action that takes none."""
    documents = the.documents()
    for name, policy in {**documents.identity, **documents.trust}.items():
        for statement in policy["Statement"]:
            assert not any("*" in action or "?" in action for action in as_list(statement["Action"])), name
            assert "NotAction" not in statement, name
            assert "NotResource" not in statement, name
            if "*" in as_list(statement.get("Resource", [])):
                assert statement["Action"] == ["ecr:GetAuthorizationToken"]
            patterns = [resource for resource in as_list(statement.get("Resource", [])) if "*" in resource[:-1]]
            assert patterns == [], f"{name}: only the end of an ARN is a pattern"
