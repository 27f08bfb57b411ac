# SPDX-License-Identifier: Apache-2.0
"""One thread, in order, and an end that loses nothing."""

import logging
import threading

import pytest

from audit_sidecar.sequence.writer_thread import WriterThread


def test_everything_runs_in_the_order_it_was_given_in_one_thread() -> None:
    """Whichever way it was given, and before the end returns."""
    seen: list[tuple[int, str]] = []

    def note(number: int) -> int:
        seen.append((number, threading.current_thread().name))
        return number

    with WriterThread("writer") as thread:
        futures = []
        for number in range(0, 100, 2):
            thread.post(note, number)
            futures.append(thread.submit(note, number=number + 1))
    assert seen == [(number, "writer") for number in range(100)]
    assert [future.result(0) for future in futures] == list(range(1, 100, 2))


def test_what_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A future tells its error; of what nobody waits for, the log tells."""

    def fail() -> None:
        raise LookupError("told so")

    with WriterThread("writer") as thread, caplog.at_level(logging.ERROR):
        thread.post(fail)
        with pytest.raises(LookupError, match="told so"):
            thread.submit(fail).result(10)
        assert thread.submit(int).result(10) == 0
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_future_that_was_cancelled_in_time_does_not_run() -> None:
    """One that runs already cannot be cancelled."""
    gate = threading.Event()
    ran: list[int] = []
    with WriterThread("writer") as thread:
        thread.post(gate.wait, 10)
        future = thread.submit(ran.append, 1)
        assert future.cancel()
        gate.set()
    assert ran == []


def test_nothing_is_taken_after_the_end() -> None:
    """By `submit` it is told."""
    with WriterThread("writer") as thread:
        pass
    with pytest.raises(RuntimeError, match="ended"):
        thread.submit(int)
