# SPDX-License-Identifier: Apache-2.0
"""Producers and strangers with reproducible records, and a whole log in a store to send them to."""

import asyncio
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from audit_sidecar.errors import AuditError
from audit_sidecar.fsck.check import SoundLog
from audit_sidecar.fsck.store import check_store
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.publisher import Floor, Publisher
from audit_sidecar.sequence.committer import Committer
from audit_sidecar.sequence.export import Export, OwnRecord
from audit_sidecar.sequence.head import load_head
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.stores.store import StoredRecord, StoreReader, StoreWriter
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from contracts import semconv
from contracts.acknowledgement import Position
from contracts.identifiers import IdSource, uuid_text
from contracts.otlp import (
    AttributeValue,
    EvidenceSpan,
    encode_attribute,
    encode_resource,
    encode_scope,
    encode_span,
    with_sequence,
)
from contracts.payload import Payload, PayloadContext
from contracts.release import Release
from contracts.wire import bytes_field, fixed64_field
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER

START = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
Attributes = dict[str, AttributeValue]
NOTHING = PayloadContext(None, None, None, None)


def identifier(group: int, number: int = 0) -> bytes:
    """A UUIDv7 that is the same in every run."""
    return bytes.fromhex("0199a3f2c000") + (0x7000 | group).to_bytes(2) + (1 << 63 | number).to_bytes(8)


@dataclass(frozen=True)
class Producer:
    """One process with its stream; the same number and kind give the same bytes, as a re-sent record has."""

    number: int = 1
    name: str = "unix"
    model: str = "telecom-churn"
    release: str = "cd" * 32
    start: int = START

    @property
    def stream(self) -> bytes:
        """The stream's id."""
        return identifier(0xF00, self.number)

    @property
    def context(self) -> PayloadContext:
        """What its Resource and scope say."""
        resource = {
            semconv.SERVICE_NAME: "countersign",
            semconv.SERVICE_INSTANCE_ID: uuid_text(self.stream),
            semconv.MODEL_ID: self.model,
            semconv.MODEL_VERSION: f"{self.number}.0.0",
            semconv.RELEASE_DIGEST: self.release,
        }
        return PayloadContext(encode_resource(resource), encode_scope("0.1.0"), None, None)

    def request_id(self, seq: int) -> bytes:
        """The request id of record ``seq``."""
        return identifier(self.number, seq)

    def record(
        self, seq: int, kind: str | None = None, more: Attributes | None = None, end: int | None = None
    ) -> Payload:
        """Record ``seq``: the release, then predictions, unless another kind is asked for."""
        kind = kind or ("release" if seq == 0 else "prediction")
        attributes: Attributes = {}
        if kind == "prediction":
            attributes = {
                semconv.SUBJECT: f"{seq % 5:032x}",
                # Without it a prediction is valid, but not in the service's layout.
                **({semconv.SUBJECT_KEY_ID: "k1"} if seq % 4 else {}),
                semconv.CALLER: "shop" if seq % 2 else "bank",
                semconv.INPUT: json.dumps({"tenure_months": seq}),
                semconv.ANSWER: json.dumps({"prediction": "churn"}),
                semconv.PREDICTION_LABEL: "churn" if seq % 3 else "retain",
                semconv.PREDICTION_SCORE: seq % 10 / 10,
                semconv.ANSWER_STATUS: 200,
            }
        time = self.start + seq * SECOND if end is None else end
        attributes |= more or {}
        ids = self.request_id(seq), (seq + 1).to_bytes(8)
        span = EvidenceSpan(kind, *ids, f"{kind} x", time - 5, time, attributes)
        return Payload(self.context, with_sequence(encode_span(span), seq))

    def export(self, *seqs: int) -> Export:
        """The records with these numbers, in this order."""
        return self.send(*(self.record(seq) for seq in seqs))

    def send(self, *payloads: Payload) -> Export:
        """These payloads."""
        return Export(self.name, payloads, sum(len(payload.span) for payload in payloads))


def foreign(number: int, text: str = "", context: PayloadContext = NOTHING, trace: int = 0) -> Payload:
    """A stranger's span; another text under the same number is a conflict."""
    span = bytes_field(1, identifier(0xFFF, trace)) + bytes_field(2, (number + 1).to_bytes(8))
    span += fixed64_field(8, START + number) + bytes_field(9, encode_attribute("text", text))
    return Payload(context, span)


def stranger(*payloads: Payload) -> Export:
    """An export of nobody we know."""
    return Export(None, payloads, sum(len(payload.span) for payload in payloads))


@dataclass
class Log:
    """A store with everything that writes to it, in one thread; `reload` is a restart of the sidecar."""

    url: str
    reader: StoreReader
    writer: StoreWriter
    own: OwnStream = field(init=False)
    committer: Committer = field(init=False)
    metrics: SidecarMetrics = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.metrics = SidecarMetrics("0.1.0", lambda: 0.0)
        ticks = itertools.count(START, SECOND)
        self.own = OwnStream(Release(), "0.1.0", IdSource(), lambda: next(ticks))
        head = load_head(self.reader, [SIGNER.verifier])
        self.committer = Committer(head, self.reader, self.writer, self.own, self.metrics)
        self.send(OwnRecord("release", {}))

    def send(self, item: Export | OwnRecord) -> tuple[Position, ...]:
        """Commit one export alone; its positions, or its refusal raised."""
        (outcome,) = self.committer.commit([item])
        if isinstance(outcome, AuditError):
            raise outcome
        return outcome

    def grow(self, leaves: int) -> None:
        """Let it grow to this many leaves, and sign it."""
        start = self.reader.frontier().size
        self.send(stranger(*(foreign(number) for number in range(start, leaves))))
        self.publish_now()

    async def publish(self) -> None:
        """Sign a checkpoint of everything."""
        newest = self.reader.checkpoint()
        floor = Floor(-1 if newest is None else newest.size, self.committer.catch_up, None, self.reader.checkpoint)
        with ThreadPoolExecutor(1) as thread:
            await Publisher(
                lambda: self.committer.frontier, self.writer, [SIGNER], thread, self.metrics, floor
            ).publish()

    def publish_now(self) -> None:
        """The same, whether a loop runs in this thread or not."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self.publish()).result()

    def reload(self) -> None:
        """End and start again."""
        self.writer.close()
        self.reader = open_reader(self.url)
        self.writer = open_writer(self.url, self.reader)
        self._start()

    def check(self) -> SoundLog:
        """Publish and check the whole store."""
        self.publish_now()
        return check_store(self.reader, [SIGNER.verifier])

    def records(self) -> list[StoredRecord]:
        """Everything in the log."""
        return list(self.reader.records(0, self.reader.frontier().size))

    def kinds(self) -> list[str]:
        """Its kinds."""
        return [record.leaf.kind for record in self.records()]


def new_log(folder: Path) -> Log:
    """A log that holds the release of the sidecar and nothing else."""
    url = f"sqlite:///{folder / 'store.db'}"
    create_store(url, ORIGIN)
    return sidecar_of(url)


def sidecar_of(url: str) -> Log:
    """A sidecar on a log that exists, with its own release in it."""
    reader = open_reader(url)
    return Log(url, reader, open_writer(url, reader))
