# SPDX-License-Identifier: Apache-2.0
"""What a living stack archives, in a folder and in a bucket that locks: strangers verify it without the stack."""

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit_sidecar.archive.layout import KEPT
from audit_sidecar.archive.location import open_archive
from audit_sidecar.stores.subtrees import StoreTree
from audit_sidecar.tlog.checkpoint import peek_checkpoint
from audit_sidecar.tlog.merkle import consistency_proof
from tests.conformance.archive.conftest import REGION, Bucket
from tests.conformance.outside import fsck_accepts, judge
from tests.end_to_end.living import LOYAL, Living, Process, countersign

Place = Callable[[str], str]


class Archiving(Living):
    """A stack whose archive is its anchor too."""

    def __init__(self, folder: Path, place: str) -> None:
        super().__init__(folder)
        self.place = place
        self.vkey = self.state.log_vkey.read_text().strip()
        self.sidecar = self.sidecar_on(self.state.store)

    def sidecar_on(self, store: str) -> Process:
        """A sidecar of this stack on a store."""
        program = self.stack.sidecar()
        arguments = [store if part == self.state.store else part for part in program.arguments]
        arguments += ["--archive", self.place, "--anchor", self.place]
        return Process(program._replace(arguments=arguments), self.folder / "sidecar.log")

    def answered(self, rows: int) -> None:
        """A batch, the receipt of one prediction more, and a clean end."""
        self.start()
        batch = [{"customer_id": f"C-{number}", **LOYAL} for number in range(rows)]
        assert self.post("/predict/batch", {"instances": batch}).status == 200
        self.receipt(self.predict(LOYAL).body["request_id"])
        self.stop()

    def refused(self) -> str:
        """What the sidecar says that does not start."""
        self.sidecar.spawn()
        assert self.sidecar.wait() == 2
        return self.sidecar.log()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Makes a place for an archive; the bucket's kind needs the gateway, the folder's nothing."""
    if request.param == "folder":

        def folder(name: str) -> str:
            (tmp_path / name).mkdir()
            return str(tmp_path / name)

        return folder
    make: Bucket = request.getfixturevalue("bucket")

    def bucket(name: str) -> str:
        make(name)
        return f"s3://{name}/log?region={REGION}&days=1"

    return bucket


def copied(place: str, client: Any, folder: Path) -> Path:
    """The archive's files as a stranger downloads them: newest versions, in a folder."""
    if "://" not in place:
        return Path(place)
    bucket = place.removeprefix("s3://").partition("/")[0]
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for item in (item for page in pages for item in page["Contents"]):
        path = folder / item["Key"].removeprefix("log/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
    return folder


def test_strangers_verify_what_a_stack_archived(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Tessera's fsck and x/mod accept the files alone, ours the place itself; kept checkpoints extend one another."""
    stack = Archiving(tmp_path / "stack", place("strangers"))
    try:
        stack.answered(300)
        stack.answered(300)
    finally:
        stack.end()
    client = request.getfixturevalue("client") if "://" in stack.place else None
    copy = copied(stack.place, client, tmp_path / "copy")
    assert fsck_accepts(copy, stack.vkey)
    verdict = countersign("audit", "fsck", stack.place, "--key", str(stack.state.log_vkey), "--against", stack.place)
    assert verdict.returncode == 0, verdict
    reader = stack.evidence().reader
    size = reader.frontier().size
    assert size > 600
    assert f"size    {size}\n" in verdict.stdout
    notes = [path.read_bytes() for path in sorted((copy / KEPT).iterdir())]
    asked = {"vkey": stack.vkey, "origin": reader.origin()}
    opened = judge("sumdb", [{"ask": "note", "text": note, **asked} for note in notes])
    assert all(verdict.accepted for verdict in opened)
    kept = [peek_checkpoint(note) for note in notes]
    assert [one.size for one in kept] == sorted({one.size for one in kept})
    assert kept[-1].size == size
    steps = [
        {
            "ask": "consistency", "old_size": old.size, "old_root": old.root, "size": new.size, "root": new.root,
            "hashes": consistency_proof(old.size, new.size, StoreTree(reader)),
        }
        for old, new in itertools.pairwise(kept)
    ]  # fmt: skip
    assert steps
    assert all(verdict.accepted for program in ("sumdb", "formats") for verdict in judge(program, steps))


def test_no_personal_data_reaches_the_archive(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Leaves and hashes alone: no input, no answer, no pseudonym, no salt of any record."""
    stack = Archiving(tmp_path / "stack", place("personal"))
    try:
        stack.answered(5)
    finally:
        stack.end()
    client = request.getfixturevalue("client") if "://" in stack.place else None
    copy = copied(stack.place, client, tmp_path / "copy")
    whole = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file())
    records = [record for record in stack.evidence().reader.records(0, 100) if record.leaf.kind == "prediction"]
    assert len(records) == 6
    for record in records:
        assert record.salt is not None
        assert record.payload is not None
        assert record.salt not in whole
        assert record.payload.span[:32] not in whole
    words = [b"tenure_months", b"C-1", b"churn_probability", b"subject", json.dumps(LOYAL)[1:-1].encode()]
    assert not [word for word in words if word in whole]


def test_an_older_store_is_refused_whatever_was_put_over_the_archive(
    place: Place, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """In a bucket the kept checkpoint tells it even when every file that is replaced was set back and it was hidden."""
    stack = Archiving(tmp_path / "stack", place("set-back"))
    try:
        stack.answered(10)
        client = request.getfixturevalue("client") if "://" in stack.place else None
        older = {path: open_archive(stack.place).newest(path) for path in ("checkpoint", "anchor")}
        shutil.copy(stack.state.store_file, tmp_path / "older.db")
        stack.answered(10)
        shutil.copy(tmp_path / "older.db", stack.state.store_file)
        assert "older copy" in stack.refused()
        archive = open_archive(stack.place)
        for path, data in older.items():
            assert data is not None
            archive.replace(path, data)
        if client is not None:
            client.delete_object(Bucket="set-back", Key=f"log/{archive.names(KEPT)[-1]}")
        said = stack.refused()
        assert "older copy" in said
        assert f"--after {archive}" in said
    finally:
        stack.end()
