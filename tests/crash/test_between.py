# SPDX-License-Identifier: Apache-2.0
"""A sidecar that is paused, slow, or heard by nobody; and a service that dies between commit and answer."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.identifiers import parse_uuid
from countersign.stack import Program
from tests.crash.between import Between
from tests.end_to_end.living import LOYAL, Living, Process, Reply, await_true, await_value


class Apart(Living):
    """A stack whose service reaches its sidecar through `Between` alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        near = folder / "near.sock"
        self.between = Between(near, self.state.socket)
        service = self.stack.service()
        words = [f"unix:{near}" if word == f"unix:{self.state.socket}" else word for word in service.arguments]
        self.service = Process(Program("service", words, service.ready_url), folder / "service.log")

    def end(self) -> None:
        """Leave nothing behind."""
        super().end()
        self.between.close()

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    """Running."""
    stack = Apart(tmp_path)
    try:
        stack.start()
        yield stack
    finally:
        stack.end()


def _kinds(stack: Apart, request_id: str) -> list[str]:
    return [record.leaf.kind for record in stack.evidence().reader.about(parse_uuid(request_id))]


def _require_sound(stack: Apart) -> None:
    stack.stop()
    verdict = stack.fsck()
    assert verdict.returncode == 0, verdict
    assert stack.evidence().completeness(None, None).complete


def test_a_slow_sidecar_makes_answers_late_and_none_is_lost(apart: Apart) -> None:
    """A fifth of a second for each piece of an answer: answered, in time, with evidence."""
    apart.between.delay = 0.2
    replies = _together(apart, 4)
    assert [reply.status for reply in replies] == [200] * 4
    for reply in replies:
        assert _kinds(apart, reply.body["request_id"]) == ["prediction"]
    assert apart.get("/ready").status == 200
    _require_sound(apart)


def test_a_sidecar_slower_than_the_deadline_withholds(apart: Apart) -> None:
    """Each answer is either given in time, or withheld with a record of that, or refused before predicting."""
    apart.between.delay = 2.5
    replies = _together(apart, 3)
    assert [reply.status for reply in replies] == [503] * 3
    withheld = [reply for reply in replies if reply.body["type"].endswith("evidence-deadline")]
    assert withheld
    apart.between.delay = 0.0
    for reply in withheld:
        await_value(
            lambda reply=reply: _kinds(apart, reply.body["request_id"]),  # type: ignore[misc]
            lambda kinds: kinds == ["prediction", "withheld"],
        )
    assert apart.metric("countersign_answers_withheld_total") >= len(replies)
    assert await_value(lambda: apart.predict(LOYAL), lambda reply: reply.status == 200).body["evidence"]
    _require_sound(apart)


def test_acknowledgements_that_never_arrive_make_unready_and_no_second_record(apart: Apart) -> None:
    """Committed, and nobody told: withheld, unready, sent again; at last one prediction in the log, not two."""
    apart.between.holding.set()
    reply = apart.predict(LOYAL)
    assert reply.status == 503
    assert apart.between.held.is_set()
    await_true(lambda: apart.get("/ready").status == 503, "unready")
    assert apart.get("/healthz").status == 200
    assert apart.metric("countersign_evidence_backlog_records") > 0
    apart.between.holding.clear()
    await_true(lambda: apart.get("/ready").status == 200, "ready again")
    kinds = await_value(lambda: _kinds(apart, reply.body["request_id"]), lambda kinds: len(kinds) > 1)
    assert kinds == ["prediction", "withheld"]
    _require_sound(apart)


def test_a_service_killed_between_commit_and_answer_leaves_the_record(apart: Apart) -> None:
    """The caller got nothing; the log says what would have been said. The next process is a new stream, whole."""
    asked = threading.Thread(target=lambda: apart.predict(LOYAL, customer="between"))
    apart.between.holding.set()
    asked.start()
    assert apart.between.held.wait(20)
    apart.service.kill()
    asked.join(20)
    apart.between.holding.clear()
    apart.service.start()
    shown = apart.get("/governance/audit-log").body
    assert shown["total"] == 1
    assert apart.predict(LOYAL).status == 200
    report = apart.evidence().completeness(None, None)
    ends = [stream.end for stream in report.streams if stream.producer == "unix"]
    assert ends == ["open", "open"]  # the first is reported as ended without end once it has been silent long enough
    _require_sound(apart)


def test_a_paused_sidecar_makes_unready_and_goes_on(apart: Apart) -> None:
    """SIGSTOP for longer than readiness bears: not ready, nothing answered; SIGCONT: all of it is recorded."""
    apart.sidecar.signal(signal.SIGSTOP)
    try:
        assert apart.predict(LOYAL).status == 503
        await_true(lambda: apart.get("/ready").status == 503, "unready")
        refused = [apart.predict(LOYAL).status for _ in range(5)]
        assert refused == [503] * 5
    finally:
        apart.sidecar.signal(signal.SIGCONT)
    await_true(lambda: apart.get("/ready").status == 200, "ready again")
    await_true(lambda: apart.predict(LOYAL).status == 200, "answers")
    # Those refused unpredicted have no record each: one says how many they were.
    entries = await_value(
        lambda: apart.audit("/api/records?kind=withheld").body["entries"], lambda found: len(found) > 1
    )
    counts = [entry["attributes"].get("countersign.count", 0) for entry in entries]
    assert max(counts) >= 5
    _require_sound(apart)


def _together(stack: Apart, count: int) -> list[Reply]:
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda: replies.append(stack.predict(LOYAL))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return replies
