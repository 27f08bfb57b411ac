# SPDX-License-Identifier: Apache-2.0
"""Callers of one service who keep a ledger outside every process that may be killed."""

import http.client
import json
import threading

from tests.end_to_end.living import LEAVING, LOYAL, await_true

WORKERS = 4


class Load:
    """Callers that keep asking; `answers` is the ledger of every 200 with its request id and position."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(WORKERS)]
        self.answers: list[tuple[str, int, str]] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                while not self._stop.is_set():
                    turn += 1
                    body = {"customer_id": f"K-{number}-{turn}", **(LOYAL if turn % 2 else LEAVING)}
                    connection.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json"})
                    reply = connection.getresponse()
                    document = json.loads(reply.read())
                    if reply.status == 200:
                        evidence = document["evidence"]
                        self.answers.append((document["request_id"], evidence["index"], evidence["leaf_hash"]))
                    else:
                        assert reply.status == 503, document
                        self._stop.wait(0.02)
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self._stop.wait(0.02)
            finally:
                connection.close()

    def await_more(self, count: int) -> None:
        """Wait for so many answers more."""
        wanted = len(self.answers) + count
        await_true(lambda: len(self.answers) >= wanted, f"{wanted} answers")
