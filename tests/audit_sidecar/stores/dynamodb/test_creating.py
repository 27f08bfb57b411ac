# SPDX-License-Identifier: Apache-2.0
"""What the command says that begins a log in DynamoDB."""

from pathlib import Path

import pytest

from countersign.__main__ import main
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb


def test_what_was_made_is_said_and_what_is_left(
    dynamodb: DynamoDb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables by their names, and nothing of other engines."""
    (tmp_path / "log.key").write_text(SIGNER.to_text())
    url = dynamodb.new_store()
    prefix = url.removeprefix("dynamodb://").partition("?")[0]
    assert main(["store", "init", url, "--key", str(tmp_path / "log.key")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"created the log {ORIGIN} in {url}",
        f"made the tables {prefix}-log, {prefix}-payload, {prefix}-state, with deletion protection;",
        "resource policies, keys and point-in-time recovery are not set: infra_pulumi does that in production",
    ]
    assert main(["store", "init", url, "--key", str(tmp_path / "log.key")]) == 2
    assert "a log exists already" in capsys.readouterr().err
