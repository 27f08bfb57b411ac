# SPDX-License-Identifier: Apache-2.0
"""Callers of a Service who keep a ledger of its answers outside of every process that may be killed."""

import http.client
import itertools
import json
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tests.cluster.waiting import wait_until

# A caller stays with a pod for so many requests: connections are kept, and new pods get their share all the same.
_REQUESTS_EACH: Final = 40
_PAUSE_SECONDS: Final = 0.02


class Answered(NamedTuple):
    """An answer of 200: what it says of itself and of its record."""

    request_id: str
    version: str
    position: int
    leaf_hash: str


class Customers:
    """So many of them, asking for as long as the block lasts; start them inside the network.

    ``pause`` is what each leaves between an answer and its next request, in seconds; it may be changed on the way.
    """

    def __init__(self, url: tuple[str, int], token: str, body: Mapping[str, Any], count: int) -> None:
        self._url, self._body = url, dict(body)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._stop, self._numbers = threading.Event(), itertools.count()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        self.pause = 0.0
        self.answers: list[Answered] = []
        self.refusals: list[tuple[int, str]] = []
        """Any other status, and what was said with it."""
        self.broken: list[str] = []
        """Connections that ended without an answer."""

    def __enter__(self) -> "Customers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def await_more(self, count: int) -> None:
        """Wait for so many answers more."""
        wanted = len(self.answers) + count
        wait_until(f"{wanted} answers", lambda: len(self.answers) >= wanted)

    def _ask(self) -> None:
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(*self._url, timeout=30)
            try:
                for _ in range(_REQUESTS_EACH):
                    if self._stop.is_set():
                        break
                    self._once(connection)
                    self._stop.wait(self.pause)
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                self._stop.wait(_PAUSE_SECONDS)
            finally:
                connection.close()

    def _once(self, connection: http.client.HTTPConnection) -> None:
        body = {**self._body, "customer_id": f"customer-{next(self._numbers)}"}
        connection.request("POST", "/predict", json.dumps(body), self._headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            self.refusals.append((reply.status, text.decode(errors="replace")))
            self._stop.wait(_PAUSE_SECONDS)
            return
        document = json.loads(text)
        evidence = document["evidence"]
        version = document["model_version"]
        self.answers.append(Answered(document["request_id"], version, evidence["index"], evidence["leaf_hash"]))
