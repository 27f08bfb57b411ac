# SPDX-License-Identifier: Apache-2.0
"""The one thread that writes to the store: what it is given runs in order, one after the other.

A group of the sequencer is handed over by `post`, which makes no future, for that takes as long as placing a record.
Everything else awaits its turn by `submit`, as with any executor.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

_log = logging.getLogger(__name__)

_Job = tuple[Callable[..., object], tuple[Any, ...]]


class WriterThread(Executor):
    """Leaving its context, or `shutdown`, ends the thread after what was given to it."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._ended = False
        self._thread = Thread(target=self._run, name=name)
        self._thread.start()

    def post(self, function: Callable[..., object], *arguments: Any) -> None:
        """Run it later. What it returns is dropped, what it raises is logged; nothing runs after the end."""
        self._jobs.put((function, arguments))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it later; the future tells how it went. RuntimeError after the end."""
        if self._ended:
            raise RuntimeError("the writer's thread has ended")
        future: Future[Any] = Future()
        self.post(_fulfil, future, fn, args, kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End after what was given so far, none of which is ever cancelled: it may be a commit."""
        del cancel_futures
        self._ended = True
        self._jobs.put(None)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, arguments = job
            try:
                function(*arguments)
            except Exception:
                _log.exception("what was handed to the writer's thread failed")
            del job, function, arguments  # an export is not kept until the next one comes


def _fulfil(
    future: Future[Any], function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        outcome = function(*arguments, **named)
    except BaseException as error:  # told to whoever waits, as every executor does
        future.set_exception(error)
    else:
        future.set_result(outcome)
