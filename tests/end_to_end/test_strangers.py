# SPDX-License-Identifier: Apache-2.0
"""A stock OpenTelemetry exporter as a stranger: kept as foreign spans, and powerless over a producer's stream."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from audit_sidecar.stores.store import Search
from contracts import semconv
from contracts.address import free_ports
from contracts.identifiers import IdSource, uuid_text
from contracts.payload import payload_bytes
from contracts.wire import bytes_field
from countersign.stack import Program
from tests.end_to_end.living import LEAVING, LOYAL, Living, Process, ask, await_value

AUDITOR, PRODUCER, CONSUMER = "auditor-secret", "producer-secret", "consumer-secret"


def _token(role: str, secret: str) -> str:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return f'[[token]]\nname = "{role}"\nroles = ["{role}"]\nsha256 = "{digest}"\n'


class Open(Living):
    """A stack whose sidecar also receives OTLP over TCP, with tokens; the service keeps to the private socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.otlp_port,) = free_ports(1)
        tokens = folder / "tokens.toml"
        secrets = {"auditor": AUDITOR, "producer": PRODUCER, "consumer": CONSUMER}
        tokens.write_text("".join(_token(role, secret) for role, secret in secrets.items()))
        (folder / "auditor.token").write_text(AUDITOR)
        sidecar = self.stack.sidecar()
        arguments = [*sidecar.arguments, "--otlp-http", f"127.0.0.1:{self.otlp_port}", "--tokens", str(tokens)]
        self.sidecar = Process(Program("sidecar", arguments, sidecar.ready_url), folder / "sidecar.log")
        service = self.stack._replace(audit_token=str(folder / "auditor.token")).service()
        self.service = Process(service, folder / "service.log")

    @property
    def otlp(self) -> str:
        """The open receiver's traces route."""
        return f"http://127.0.0.1:{self.otlp_port}/v1/traces"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """A running stack with an open receiver."""
    stack = Open(tmp_path_factory.mktemp("opened"))
    try:
        stack.start()
        yield stack
    finally:
        stack.end()


class _Fixed(IdGenerator):
    """Ids that a forger chose."""

    def __init__(self, trace_id: bytes, span_id: bytes) -> None:
        self._trace_id, self._span_id = int.from_bytes(trace_id), int.from_bytes(span_id)

    def generate_trace_id(self) -> int:
        """The chosen trace id."""
        return self._trace_id

    def generate_span_id(self) -> int:
        """The chosen span id."""
        return self._span_id


def _export(opened: Open, resource: dict[str, str], attributes: dict[str, str | int], ids: IdGenerator | None) -> None:
    provider = TracerProvider(resource=Resource(resource), id_generator=ids)
    span = provider.get_tracer("stranger").start_span("work", attributes=attributes)
    span.end()
    exporter = OTLPSpanExporter(endpoint=opened.otlp, timeout=10)
    assert exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
    exporter.shutdown()  # type: ignore[no-untyped-call]


def _service_stream(opened: Open) -> bytes:
    report = opened.evidence().completeness(None, None)
    (stream,) = [found for found in report.streams if found.producer == "unix"]
    return bytes.fromhex(stream.stream.replace("-", ""))


def _forged_resource(opened: Open) -> dict[str, str]:
    state = opened.evidence().reader.stream(_service_stream(opened))
    assert state is not None
    return {
        semconv.SERVICE_INSTANCE_ID: uuid_text(state.stream),
        semconv.RELEASE_DIGEST: state.release.hex(),
        semconv.MODEL_ID: state.model_id or "",
    }


def test_an_ordinary_span_is_kept_as_foreign(opened: Open) -> None:
    """What the stock SDK sends lands as `span`, with everything it said."""
    _export(opened, {"service.name": "shop"}, {"cart.size": 3}, None)
    found = opened.evidence().reader.search(Search(kind="span"), 1)[0][0]
    assert found.leaf.stream is None
    assert found.payload is not None
    assert b"cart.size" in payload_bytes(found.payload)


@pytest.mark.parametrize("ahead", [1, 1000])
def test_extending_a_live_stream_changes_nothing(opened: Open, ahead: int) -> None:
    """A forged record in the service's stream, next or far ahead, is a foreign span; the service goes on."""
    state = opened.evidence().reader.stream(_service_stream(opened))
    assert state is not None
    ids = IdSource()
    attributes: dict[str, str | int] = {
        semconv.RECORD_KIND: "prediction",
        semconv.STREAM_SEQ: state.next_seq - 1 + ahead,
        semconv.SUBJECT: "ab" * 16,
        semconv.PREDICTION_LABEL: "retain",
    }
    trace = ids.request_id()
    _export(opened, _forged_resource(opened), attributes, _Fixed(trace, ids.span_id()))
    assert [record.leaf.kind for record in opened.evidence().reader.by_trace(trace)] == ["span"]
    assert opened.evidence().reader.about(trace) == []
    _service_goes_on(opened)


def test_replaying_a_record_changes_nothing(opened: Open) -> None:
    """A record's own bytes, sent again by a stranger, are one more foreign span and never a second record."""
    answer = opened.predict(LEAVING).body
    (record,) = opened.evidence().reader.about(bytes.fromhex(answer["request_id"].replace("-", "")))
    assert record.payload is not None
    replay = bytes_field(1, payload_bytes(record.payload))
    for _ in range(2):
        assert ask("POST", opened.otlp, replay, {"Content-Type": "application/x-protobuf"}).status == 200
    kinds = [found.leaf.kind for found in opened.evidence().reader.by_trace(record.leaf.trace)]
    assert kinds == ["prediction", "span"]
    shown = opened.get("/governance/audit-log?kind=prediction")
    assert [entry["request_id"] for entry in shown.body["entries"]].count(answer["request_id"]) == 1
    _service_goes_on(opened)


def test_preempting_a_record_changes_nothing(tmp_path: Path) -> None:
    """A stranger who says a producer's record first says nothing: the producer's own is still the record."""
    stack = Open(tmp_path)
    try:
        stack.sidecar.start()
        _export(
            stack,
            {semconv.SERVICE_INSTANCE_ID: uuid_text(IdSource().request_id()), semconv.RELEASE_DIGEST: "ab" * 32},
            {semconv.RECORD_KIND: "release", semconv.STREAM_SEQ: 0},
            None,
        )
        report = stack.evidence().completeness(None, None)
        assert {stream.producer for stream in report.streams} == {"sidecar"}
        stack.service.start()
        _service_goes_on(stack)
        assert stack.evidence().completeness(None, None).complete
    finally:
        stack.end()


@pytest.mark.parametrize(("token", "status"), [("nobody", 401), (CONSUMER, 403), (PRODUCER, 200)])
def test_a_presented_token_must_be_a_producers(opened: Open, token: str, status: int) -> None:
    """Without a token a sender is a stranger; with one it is who the token says, or refused."""
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {token}"}
    assert ask("POST", opened.otlp, b"", headers).status == status


def test_the_log_is_sound_after_all_of_it(opened: Open) -> None:
    """fsck accepts a log with foreign, forged and replayed spans, and the service's stream has no hole."""
    _service_goes_on(opened)
    size = opened.evidence().reader.frontier().size
    await_value(lambda: opened.evidence().reader.checkpoint(), lambda found: found is not None and found.size >= size)
    verdict = opened.fsck()
    assert verdict.returncode == 0, verdict
    assert opened.evidence().completeness(None, None).complete


def _service_goes_on(opened: Open) -> None:
    before = opened.evidence().reader.stream(_service_stream(opened))
    reply = opened.predict(LOYAL)
    after = opened.evidence().reader.stream(_service_stream(opened))
    assert reply.status == 200
    assert before is not None
    assert after is not None
    assert after.next_seq == before.next_seq + 1
