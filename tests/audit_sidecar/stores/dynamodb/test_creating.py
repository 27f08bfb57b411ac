# SPDX-License-Identifier: Apache-2.0
"""What the command says that begins a log in DynamoDB."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.dynamodb.location import Location, parse_location
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.url import create_store, open_reader
from countersign.__main__ import main
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import foreign, sidecar_of, stranger
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


def drop(location: Location, table: str) -> None:
    """As somebody with every right does."""
    client = Requests(location)._client
    client.update_table(TableName=table, DeletionProtectionEnabled=False)
    client.delete_table(TableName=table)


def test_a_log_that_was_lost_is_not_begun_anew_under_its_name(dynamodb: DynamoDb) -> None:
    """What is left of it says that there was one; one that was only begun, and broke off, is finished."""
    url = dynamodb.new_store()
    location = parse_location(url)
    for _ in range(2):
        create_store(url, ORIGIN)
        drop(location, location.log)
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.publish_now()
    log.writer.close()
    drop(location, location.log)
    for _ in range(2):
        with pytest.raises(StoreRefused, match="exists already"):
            create_store(url, ORIGIN)
    with pytest.raises(StoreRefused, match="lacks its commit 0"):
        open_reader(url)


def test_the_table_that_is_missing_is_named(dynamodb: DynamoDb) -> None:
    """Also where many items of it are asked for at once."""
    url = dynamodb.new_store()
    location = parse_location(url)
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.send(stranger(foreign(1)))
    log.writer.close()
    drop(location, location.payload)
    with pytest.raises(StoreRefused, match=f"there is no table {location.payload}"):
        list(log.reader.records(0, 2))
