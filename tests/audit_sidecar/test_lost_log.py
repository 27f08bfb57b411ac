# SPDX-License-Identifier: Apache-2.0
"""The first words of a log that follows a lost one."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.lost_log import name_the_lost
from audit_sidecar.query.entry import entry_of
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from audit_sidecar.tlog.checkpoint import Checkpoint
from contracts import semconv
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, sidecar_of

LOST = Checkpoint("log.example/old", 17, bytes(range(32)))
KEYS = [SIGNER.verifier]


def test_a_log_begins_with_what_it_follows(tmp_path: Path) -> None:
    """One stream in one commit: name, size and root of the lost log; a sidecar goes on after it, and fsck holds."""
    url = f"sqlite:///{tmp_path}/new.db"
    create_store(url, ORIGIN)
    writer = open_writer(url)
    position = name_the_lost(open_reader(url), writer, KEYS, LOST, "0.1.0")
    writer.close()
    log = sidecar_of(url)
    assert log.kinds() == ["release", "heartbeat", "origin", "end", "release"]
    entry = entry_of(log.records()[position.leaf_index])
    assert entry.kind == "origin"
    assert entry.attributes == {
        semconv.LOST_ORIGIN: LOST.origin,
        semconv.LOST_SIZE: LOST.size,
        semconv.LOST_ROOT: LOST.root.hex(),
    }
    assert log.check().checkpoint.size == 5
    log.writer.close()


def test_a_log_that_has_begun_follows_nothing(log: Log) -> None:
    """What a log follows is said first: afterwards anybody could claim it."""
    with pytest.raises(StoreRefused, match="said first"):
        name_the_lost(log.reader, log.writer, KEYS, LOST, "0.1.0")
    assert log.kinds() == ["release"]


def test_no_log_follows_itself(tmp_path: Path) -> None:
    """A name belongs to one log."""
    url = f"sqlite:///{tmp_path}/new.db"
    create_store(url, ORIGIN)
    writer = open_writer(url)
    with pytest.raises(StoreRefused, match="keygen"):
        name_the_lost(open_reader(url), writer, KEYS, LOST._replace(origin=ORIGIN), "0.1.0")
    assert open_reader(url).frontier().size == 0
    writer.close()
