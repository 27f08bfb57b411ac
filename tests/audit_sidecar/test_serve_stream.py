# SPDX-License-Identifier: Apache-2.0
"""The stream of a read side: durable before anything is shown, in order, once, and nobody waits without end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from audit_sidecar.errors import Fatal, Pushback
from audit_sidecar.query.entry import entry_of
from audit_sidecar.sequence.export import Export
from audit_sidecar.sequence.own_stream import OwnStream
from audit_sidecar.serve import SERVICE_NAME
from audit_sidecar.serve_stream import AccessStream, Limits
from contracts import semconv
from contracts.acknowledgement import Acknowledgement
from contracts.identifiers import IdSource
from contracts.payload import cut_export
from contracts.release import Release
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log


class Sidecar:
    """Commits what it is sent. While ``away`` it takes nothing; ``deaf`` keeps one export and loses the reply;
    while it ``hangs`` it does not answer."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.bodies: list[bytes] = []
        self.away = self.deaf = self.hangs = False
        self.released = asyncio.Event()
        self.origin = ORIGIN

    async def export(self, body: bytes, count: int) -> Acknowledgement:
        """As the real receiver does it."""
        self.bodies.append(body)
        if self.hangs:
            await self.released.wait()
        if self.away:
            raise Pushback("nobody listens")
        payloads = tuple(cut_export(body))
        assert len(payloads) == count
        positions = self._log.send(Export("reader", payloads, len(body)))
        if self.deaf:
            self.deaf = False
            raise Pushback("the reply was lost")
        return Acknowledgement(self.origin, positions)


@asynccontextmanager
async def reading(sidecar: Sidecar, limits: Limits) -> AsyncIterator[AccessStream]:
    """A stream that is sent, and ended cleanly."""
    own = OwnStream(Release(), "0.1.0", IdSource(), time.time_ns, SERVICE_NAME)
    stream = AccessStream(own, sidecar, ORIGIN, limits)
    sending = asyncio.create_task(stream.run())
    try:
        yield stream
        stream.close()
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  (what happens in between is timers of the stream)
            await asyncio.sleep(0)


def asked(log: Log) -> list[object]:
    """What the access records in the log say, in order."""
    found = [entry_of(record) for record in log.records() if record.leaf.kind == "access"]
    return [(entry.attributes or {})[semconv.QUERY] for entry in found]


async def test_it_is_a_stream_from_release_to_end(log: Log) -> None:
    """Release, canary, what was asked, end: one sound stream of its own name in the log."""
    async with reading(Sidecar(log), Limits()) as stream:
        await until(lambda: stream.ready)
        for number in range(3):
            position = await stream.record("access", {semconv.QUERY: f"q{number}"})
            assert log.records()[position.leaf_index].leaf_hash == position.leaf_hash
    mine = [record for record in log.records() if record.leaf.stream != log.own.stream]
    assert [record.leaf.kind for record in mine] == ["release", "heartbeat", "access", "access", "access", "end"]
    assert [record.leaf.seq for record in mine] == list(range(6))
    assert asked(log) == ["q0", "q1", "q2"]
    assert log.check().checkpoint.size == 7


async def test_what_comes_together_goes_together(log: Log) -> None:
    """While an export is in flight the next records gather: a hundred askers are a handful of exports."""
    sidecar = Sidecar(log)
    async with reading(sidecar, Limits()) as stream:
        await until(lambda: stream.ready)
        await asyncio.gather(*(stream.record("access", {semconv.QUERY: f"q{n}"}) for n in range(100)))
        assert len(sidecar.bodies) < 10
    assert sorted(map(str, asked(log))) == sorted(f"q{n}" for n in range(100))


async def test_before_the_sidecar_took_the_canary_nothing_is_shown(log: Log) -> None:
    """A read side that starts first is not ready, refuses at once, and opens by itself."""
    sidecar = Sidecar(log)
    sidecar.away = True
    async with reading(sidecar, Limits()) as stream:
        await until(lambda: len(sidecar.bodies) > 1)
        with pytest.raises(Pushback, match="nothing is shown"):
            await stream.record("access", {})
        assert not stream.ready
        assert len(set(sidecar.bodies)) == 1
        sidecar.away = False
        await until(lambda: stream.ready)


async def test_while_the_sidecar_is_away_askers_are_refused_in_time_and_it_comes_back(log: Log) -> None:
    """The one in flight is sent again byte for byte until it is taken; who came later is refused without a record."""
    sidecar = Sidecar(log)
    async with reading(sidecar, Limits(deadline=0.05)) as stream:
        await until(lambda: stream.ready)
        sidecar.away = True
        with pytest.raises(Pushback, match=r"not recorded within 0.05 s.*nobody listens"):
            await stream.record("access", {semconv.QUERY: "in flight"})
        await until(lambda: len(sidecar.bodies) > 3)
        with pytest.raises(Pushback, match="cannot be recorded now"):
            await stream.record("access", {semconv.QUERY: "refused"})
        assert len(set(sidecar.bodies[1:])) == 1
        sidecar.away = False
        await until(lambda: asked(log) == ["in flight"])
        async with asyncio.timeout(20):
            while asked(log)[-1] != "again":
                try:
                    await stream.record("access", {semconv.QUERY: "again"})
                except Pushback:
                    await asyncio.sleep(0)
    assert asked(log) == ["in flight", "again"]


async def test_a_lost_reply_makes_no_second_record(log: Log) -> None:
    """The repeat is recognised by the log, and the asker is told the first's place."""
    sidecar = Sidecar(log)
    async with reading(sidecar, Limits()) as stream:
        await until(lambda: stream.ready)
        sidecar.deaf = True
        position = await stream.record("access", {semconv.QUERY: "once"})
    assert asked(log) == ["once"]
    assert log.records()[position.leaf_index].leaf.kind == "access"


async def test_who_has_gone_before_a_number_was_given_leaves_no_record(log: Log) -> None:
    """Nothing was shown, so nothing has to be recorded, and what waits does not grow."""
    sidecar = Sidecar(log)
    async with reading(sidecar, Limits(deadline=0.05, waiting=2)) as stream:
        await until(lambda: stream.ready)
        sidecar.hangs = True
        first = asyncio.create_task(stream.record("access", {semconv.QUERY: "in flight"}))
        await until(lambda: len(sidecar.bodies) == 2)
        waiting = [asyncio.create_task(stream.record("access", {semconv.QUERY: f"gone{n}"})) for n in range(2)]
        await until(lambda: stream.waiting == 2)
        with pytest.raises(Pushback, match="cannot be recorded now"):
            await stream.record("access", {})
        found = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert all(isinstance(error, Pushback) for error in found)
        sidecar.released.set()
    assert asked(log) == ["in flight"]


async def test_an_idle_stream_shows_that_it_lives(log: Log) -> None:
    """Without an asker there is a heartbeat, again and again."""
    async with reading(Sidecar(log), Limits(heartbeat=0.005)) as stream:
        await until(lambda: log.kinds().count("heartbeat") > 3)
        assert stream.ready


async def test_a_sidecar_of_another_log_ends_the_program(log: Log) -> None:
    """Who read this log stands in this log; the message names both."""
    sidecar = Sidecar(log)
    sidecar.origin = "other.example/log"
    own = OwnStream(Release(), "0.1.0", IdSource(), time.time_ns)
    with pytest.raises(Fatal, match=f"'other.example/log'.*{ORIGIN!r}"):
        await AccessStream(own, sidecar, ORIGIN, Limits()).run()
