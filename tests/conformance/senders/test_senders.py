# SPDX-License-Identifier: Apache-2.0
"""Other people's senders, as they are: everything they send is in the log, and what they send again is there once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from contracts.address import free_ports
from contracts.metrics import AUDIT_DUPLICATES
from tests.conformance.receiver.receivers import Sidecar, sidecar
from tests.conformance.senders.lossy import begins_http1, begins_http2, losing
from tests.conformance.senders.senders import COUNT, RETRIERS, SENDERS, Sending
from tests.end_to_end.living import ask, await_true, countersign


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the machine are none of the tests' business."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Sidecar]:
    """A sidecar with an empty log."""
    with sidecar(tmp_path) as started:
        yield started


def _received(fresh: Sidecar) -> list[Span]:
    # The sidecar's own records are named after what they say of the audit.
    return [span for span in fresh.spans() if not span.name.startswith("audit ")]


def _each_once(spans: list[Span]) -> bool:
    return set(Counter((span.trace_id, span.span_id) for span in spans).values()) == {1}


def _require_sound(fresh: Sidecar) -> None:
    assert fresh.process.stop() == 0
    finished = countersign("audit", "fsck", fresh.state.store, "--key", str(fresh.state.log_vkey))
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("name", SENDERS)
def test_everything_sent_is_in_the_log(fresh: Sidecar, tmp_path: Path, name: str) -> None:
    """As many records as spans, judged by the log alone, and the log is sound."""
    sender = SENDERS[name]
    address = fresh.tcp.http if sender.speaks == "http" else fresh.tcp.grpc
    sender.send(Sending(address, COUNT, tmp_path / "sender"))
    await_true(lambda: len(_received(fresh)) >= COUNT, f"{COUNT} spans", lambda: str(len(_received(fresh))))
    received = _received(fresh)
    assert len(received) == COUNT
    assert _each_once(received)
    assert not sender.span_name or {span.name for span in received} == {sender.span_name}
    _require_sound(fresh)


@pytest.mark.parametrize("name", [name for name in SENDERS if "OpenTelemetry" in name])
def test_what_was_said_is_what_is_kept(fresh: Sidecar, tmp_path: Path, name: str) -> None:
    """Attributes come out of the log as the application set them, whichever way they took."""
    sender = SENDERS[name]
    address = fresh.tcp.http if sender.speaks == "http" else fresh.tcp.grpc
    sender.send(Sending(address, 2, tmp_path / "sender"))
    await_true(lambda: len(_received(fresh)) == 2, "two spans")
    for index, span in enumerate(sorted(_received(fresh), key=lambda span: span.start_time_unix_nano)):
        attributes = {attribute.key: attribute.value for attribute in span.attributes}
        assert attributes["index"].int_value == index
        assert attributes["ratio"].double_value == 0.5
        assert attributes["text"].string_value == "ünï → ☂"
        if "JavaScript" in name:
            assert attributes["big"].int_value == 2**53 - 1
            assert [value.string_value for value in attributes["list"].array_value.values] == ["a", "b"]
            assert span.events[0].attributes[0].value.int_value == index


@pytest.mark.parametrize("name", RETRIERS)
def test_a_lost_acknowledgement_leaves_one_record(fresh: Sidecar, tmp_path: Path, name: str) -> None:
    """The sender never hears that its first export was kept, sends it again, and each span is in the log once."""
    sender = SENDERS[name]
    http = sender.speaks == "http"
    with losing(*((fresh.tcp.http, begins_http1) if http else (fresh.tcp.grpc, begins_http2))) as proxy:
        sender.send(Sending(proxy.address, COUNT, tmp_path / "sender"))
        assert proxy.lost
    received = _received(fresh)
    assert len(received) == COUNT
    assert _each_once(received)
    assert _repeated(fresh) == COUNT
    _require_sound(fresh)


def test_a_sender_that_gives_up_has_left_its_records(fresh: Sidecar, tmp_path: Path) -> None:
    """The JavaScript gRPC exporter sends nothing again after a lost answer; what it sent is in the log nevertheless."""
    with losing(fresh.tcp.grpc, begins_http2) as proxy:
        with pytest.raises(AssertionError, match="UNAVAILABLE"):
            SENDERS["OpenTelemetry JavaScript, gRPC"].send(Sending(proxy.address, COUNT, tmp_path / "sender"))
        assert proxy.lost
    received = _received(fresh)
    assert (len(received), _each_once(received), _repeated(fresh)) == (COUNT, True, 0)


def test_telemetrygen_says_nothing_of_what_was_lost(tmp_path: Path) -> None:
    """It ends well where nobody listens, which is why only the log is asked."""
    (port,) = free_ports(1)
    SENDERS["telemetrygen, HTTP"].send(Sending(f"127.0.0.1:{port}", COUNT, tmp_path / "sender"))


def _repeated(fresh: Sidecar) -> int:
    """How many spans the sidecar says came again."""
    lines = ask("GET", f"{fresh.audit}/metrics").body.decode().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{AUDIT_DUPLICATES} ")]
    return int(float(line.split()[1]))
