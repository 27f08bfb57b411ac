# SPDX-License-Identifier: Apache-2.0
"""The archive in a bucket whose Object Lock is real: what is final stays, whatever its owner does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from audit_sidecar.archive.archiver import Archiver, Round
from audit_sidecar.archive.destination import ArchiveAway, ArchiveDiffers
from audit_sidecar.archive.layout import KEPT, kept_path
from audit_sidecar.archive.s3 import open_s3
from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.location import open_log
from contracts.errors import SettingInvalid
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, new_log
from tests.conformance.archive.clock import now
from tests.conformance.archive.conftest import REGION, Bucket
from tests.conformance.outside import fsck_accepts

KEYS = [SIGNER.verifier]
VKEY = SIGNER.verifier.to_text()
TILE = "log/tile/0/000"
KEPT_300 = f"log/{kept_path(300)}"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A log that is archived."""
    made = new_log(tmp_path)
    yield made
    made.writer.close()


def test_the_archive_in_a_bucket_is_a_sound_log(bucket: Bucket, log: Log, client: Any, tmp_path: Path) -> None:
    """Our fsck reads the bucket itself; Tessera's reads a copy of its objects. It goes on where it stopped."""
    archive = bucket("sound")
    archive.require_lock()
    log.grow(300)
    Archiver(log.reader, archive, KEYS).catch_up()
    log.grow(700)
    assert Archiver(log.reader, archive, KEYS).catch_up() == Round(300, 700)
    found = check_log(open_log(f"s3://sound/log?region={REGION}"), KEYS)
    assert found.checkpoint.size == 700
    copy = tmp_path / "copy"
    for item in client.list_objects_v2(Bucket="sound")["Contents"]:
        path = copy / item["Key"].removeprefix("log/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_object(Bucket="sound", Key=item["Key"])["Body"].read())
    assert fsck_accepts(copy, VKEY)


@pytest.mark.parametrize("key", [TILE, "log/tile/entries/000", KEPT_300])
def test_what_is_final_cannot_be_removed(bucket: Bucket, log: Log, client: Any, key: str) -> None:
    """Deleting the version, shortening or weakening its retention and switching versions off are all refused."""
    name = f"final-{key.rsplit('/', 1)[-1]}"[:60] + ("-e" if "entries" in key else "")
    archive = bucket(name)
    log.grow(300)
    Archiver(log.reader, archive, KEYS).catch_up()
    version = client.head_object(Bucket=name, Key=key)["VersionId"]
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": now()}
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": client.head_object(Bucket=name, Key=key)[
        "ObjectLockRetainUntilDate"]}  # fmt: skip
    attempts: list[Callable[[], Any]] = [
        lambda: client.delete_object(Bucket=name, Key=key, VersionId=version),
        lambda: client.delete_object(Bucket=name, Key=key, VersionId=version, BypassGovernanceRetention=True),
        lambda: client.put_object_retention(Bucket=name, Key=key, VersionId=version, Retention=soon),
        lambda: client.put_object_retention(Bucket=name, Key=key, VersionId=version, Retention=weaker),
        lambda: client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"}),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError):
            attempt()
    assert client.get_object(Bucket=name, Key=key, VersionId=version)["Body"].read()


def test_what_is_put_over_or_hidden_still_reads_as_first_written(bucket: Bucket, log: Log, client: Any) -> None:
    """A newer version and a delete marker cover a tile; readers take the first version, and fsck is not misled."""
    archive = bucket("covered")
    log.grow(700)
    Archiver(log.reader, archive, KEYS).catch_up()
    first = archive.first("tile/0/000")
    client.put_object(Bucket="covered", Key=TILE, Body=b"forged")
    client.delete_object(Bucket="covered", Key="log/tile/entries/000")
    assert archive.first("tile/0/000") == first
    assert archive.newest("tile/0/000") == b"forged"
    assert archive.newest("tile/entries/000") is None
    assert check_log(open_log(f"s3://covered/log?region={REGION}"), KEYS).checkpoint.size == 700


def test_an_archive_that_was_set_back_is_told(bucket: Bucket, log: Log, client: Any, tmp_path: Path) -> None:
    """An older `checkpoint` put over the newer one, kept ones hidden: the store that fits it is still refused."""
    archive = bucket("back")
    log.grow(300)
    Archiver(log.reader, archive, KEYS).catch_up()
    older = archive.newest("checkpoint")
    assert older is not None
    log.grow(600)
    Archiver(log.reader, archive, KEYS).catch_up()
    client.put_object(Bucket="back", Key="log/checkpoint", Body=older)
    client.delete_object(Bucket="back", Key=f"log/{kept_path(600)}")
    assert archive.names(KEPT)[-1] == kept_path(600)
    (tmp_path / "restored").mkdir()
    restored = new_log(tmp_path / "restored")
    restored.grow(400)
    with pytest.raises(ArchiveDiffers, match="600 leaves"):
        Archiver(restored.reader, archive, KEYS).held()
    restored.writer.close()


def test_other_bytes_at_a_final_path_stop_the_archiver(bucket: Bucket, log: Log, client: Any) -> None:
    """Whoever wrote to the bucket first does not get covered: the archiver stops and says where."""
    archive = bucket("taken")
    client.put_object(Bucket="taken", Key=TILE, Body=b"something else")
    log.grow(300)
    with pytest.raises(ArchiveDiffers, match="tile/0/000"):
        Archiver(log.reader, archive, KEYS).catch_up()


def test_a_bucket_without_a_lock_is_a_setting(client: Any) -> None:
    """A bucket that would let evidence be deleted is refused by name."""
    client.create_bucket(Bucket="unlocked", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(SettingInvalid, match="Object Lock"):
        open_s3(f"s3://unlocked/log?region={REGION}", now).require_lock()


def test_a_store_that_is_away_is_away(log: Log, monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    """No connection is lag, not a verdict."""
    del client
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    log.grow(10)
    with pytest.raises(ArchiveAway):
        Archiver(log.reader, open_s3(f"s3://away/log?region={REGION}", now), KEYS).catch_up()


@pytest.mark.parametrize(
    "url", ["s3://", "s3://b/log?days=0", "s3://b/log?days=36501", "s3://b/log?dyas=3", "s3://b/log?days=x"]
)
def test_a_url_that_names_no_archive_is_a_setting(url: str) -> None:
    """A misspelt option is refused, not ignored."""
    with pytest.raises(SettingInvalid, match="names no archive"):
        open_s3(url, now)
