# SPDX-License-Identifier: Apache-2.0
"""Feed a sidecar raw OTLP over its unix socket: a few connections, one export in flight on each, every one awaited."""

import asyncio
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

import uvloop

from bench.errors import BenchFailed
from bench.producer import Predictions, Producer
from bench.stack import running

CONNECTIONS: Final = 4
GROUPS: Final = (1, 4, 16, 64, 256, 1_024)
_STUCK_SECONDS: Final = 120
_GUESSED_RATE: Final = 4_000
"""Spans per second that the first round is sized for."""


class Fed(NamedTuple):
    """What was acknowledged; ``latencies`` are seconds from writing an export to its whole answer, sorted."""

    spans: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Acknowledged spans per second."""
        return self.spans / self.seconds

    def latency_ms(self, share: float) -> float:
        """The latency below which this share of the exports stayed."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1e3


class Ingested(NamedTuple):
    """Medians over rounds of one group size; latency of an export in milliseconds, sidecar CPU in µs a span."""

    group: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def measure(folder: Path, predictions: Predictions, rounds: int, seconds: float) -> list[Ingested]:
    """Feed one sidecar at each group size in turn, round after round, for about so many seconds each."""
    taken: dict[int, list[tuple[Fed, float]]] = {group: [] for group in GROUPS}
    with running(folder / "ingest", with_service=False) as stack:
        for _ in range(rounds):
            for group, found in taken.items():
                known = found[-1][0].rate if found else _GUESSED_RATE
                exports = max(5, round(known * seconds / group / CONNECTIONS))
                streams = prepare(predictions, group, exports)
                before = stack.sidecar.cpu_seconds()
                fed = feed(stack.state.socket, streams, group)
                found.append((fed, (stack.sidecar.cpu_seconds() - before) / fed.spans * 1e6))
    return [_summary(group, found) for group, found in taken.items()]


def _summary(group: int, taken: Sequence[tuple[Fed, float]]) -> Ingested:
    rates = [fed.rate for fed, _ in taken]
    return Ingested(
        group,
        statistics.median(rates),
        min(rates),
        max(rates),
        statistics.median(fed.latency_ms(0.5) for fed, _ in taken),
        statistics.median(fed.latency_ms(0.99) for fed, _ in taken),
        statistics.median(cpu for _, cpu in taken),
    )


def prepare(predictions: Predictions, group: int, exports: int) -> list[list[bytes]]:
    """Whole streams made beforehand, one per connection, so that making them does not compete with keeping them."""
    streams = []
    for _ in range(CONNECTIONS):
        producer = Producer(predictions)
        made = producer.exports(group)
        streams.append([producer.opening(), *(next(made) for _ in range(exports))])
    return streams


def feed(socket: Path, streams: Sequence[Iterable[bytes]], group: int) -> Fed:
    """Send every stream to its end; the clock starts after each stream's first export. BenchFailed on a refusal."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_feed(socket, streams, group))


async def _feed(socket: Path, streams: Sequence[Iterable[bytes]], group: int) -> Fed:
    loop = asyncio.get_running_loop()
    senders: list[_Sender] = []
    for stream in streams:
        _, sender = await loop.create_unix_connection(lambda s=stream: _Sender(iter(s)), str(socket))  # type: ignore[misc]
        senders.append(sender)
        await sender.send_first()
    start = time.perf_counter()
    for sender in senders:
        sender.go_on()
    async with asyncio.timeout(_STUCK_SECONDS):
        await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - start
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    return Fed(len(latencies) * group, seconds, latencies)


class _Sender(asyncio.Protocol):
    """Writes the next export when the answer to the last one is whole."""

    def __init__(self, exports: Iterator[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = loop.create_future()
        self.latencies: list[float] = []
        self._first: asyncio.Future[None] | None = loop.create_future()
        self._exports = exports
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def send_first(self) -> None:
        assert self._first is not None
        self._send()
        await self._first
        self._first = None

    def go_on(self) -> None:
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        body = next(self._exports, None)
        if body is None:
            self._transport.close()
            self.done.set_result(None)
            return
        head = (
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
            b"Countersign-Ack: 1\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        self._sent = time.perf_counter()
        self._transport.write(head + body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        if not head.startswith(b"http/1.1 200"):
            self._fail(f"the sidecar answered {head[:40]!r}: {self._buffer[end + 4 :][:300]!r}")
            return
        self._buffer = b""
        if self._first is not None:
            self._first.set_result(None)
            return
        self.latencies.append(time.perf_counter() - self._sent)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the sidecar closed the connection: {exc}")

    def _fail(self, message: str) -> None:
        for waiting in (self._first, self.done):
            if waiting is not None and not waiting.done():
                waiting.set_exception(BenchFailed(message))
