# SPDX-License-Identifier: Apache-2.0
"""When a store is behind what was signed: what to tell whoever starts it, and the first words of the log that follows.

A log that was set back or rewritten is never signed again. The one that takes its place has another origin, and says
in its first records which log it follows, and how far that one is known to have come.
"""

import time
from collections.abc import Sequence

from audit_sidecar.errors import AuditError, StoreRefused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.sequence.committer import Committer
from audit_sidecar.sequence.export import OwnRecord
from audit_sidecar.sequence.head import load_head
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.stores.store import StoreReader, StoreWriter
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.keys import Verifier
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.identifiers import IdSource
from contracts.release import Release


def name_the_lost(
    reader: StoreReader, writer: StoreWriter, verifiers: Sequence[Verifier], lost: Checkpoint, version: str
) -> Position:
    """Begin an empty log with a stream that names the one it follows; where its ``origin`` record stands.

    All or nothing, in one commit. StoreRefused when the log has begun already, or has the lost one's name.
    """
    head = load_head(reader, verifiers)
    if lost.origin == reader.origin():
        raise StoreRefused(
            f"the lost log is {lost.origin!r} as well, and a name belongs to one log: make keys of a new one with "
            "'countersign keygen --origin NAME --out DIR'"
        )
    if head.frontier.size:
        raise StoreRefused(
            f"the log {reader.origin()!r} holds {head.frontier.size} records already; what it follows is said first or "
            "not at all"
        )
    own = OwnStream(Release(), version, IdSource(), time.time_ns)
    committer = Committer(head, reader, writer, own, SidecarMetrics(version, time.time))
    records = [
        OwnRecord("release", own.release_attributes()),
        OwnRecord("heartbeat", {}),
        OwnRecord(
            "origin",
            {
                semconv.LOST_ORIGIN: lost.origin,
                semconv.LOST_SIZE: lost.size,
                semconv.LOST_ROOT: lost.root.hex(),
            },
        ),
        OwnRecord("end", {}),
    ]
    outcomes = committer.commit(records)
    for outcome in outcomes:
        if isinstance(outcome, AuditError):
            raise outcome
    found = outcomes[2]
    assert not isinstance(found, AuditError)
    return found[0]
