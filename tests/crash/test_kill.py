# SPDX-License-Identifier: Apache-2.0
"""kill -9 of either process under load: nothing acknowledged is lost, no answer without a record.

This proves recovery of processes, not of disks: what fsync promises is tested by other means. The ledger of answers is
kept here, outside both processes. `COUNTERSIGN_LONG` kills each of them fifty times.
"""

import http.client
import json
import os
import threading
from pathlib import Path

import pytest

from contracts.identifiers import parse_uuid
from tests.end_to_end.living import LEAVING, LOYAL, Living, await_true, living

_WORKERS = 4
_KILLS = 50 if os.environ.get("COUNTERSIGN_LONG") else 3
_ANSWERS_BETWEEN = 40


class _Load:
    """Callers that keep asking; `answers` is the ledger of every 200 with its request id and position."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(_WORKERS)]
        self.answers: list[tuple[str, int, str]] = []

    def __enter__(self) -> "_Load":
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


@pytest.mark.parametrize("victim", ["sidecar", "service"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, victim: str) -> None:
    """Every answer that a caller ever got has its record where the answer says, and the log is sound."""
    with living(tmp_path / "killed") as stack:
        with _Load(stack.stack.port) as load:
            for _ in range(_KILLS):
                _await_answers(load, len(load.answers) + _ANSWERS_BETWEEN)
                process = getattr(stack, victim)
                process.kill()
                process.start()
            _await_answers(load, len(load.answers) + _ANSWERS_BETWEEN)
        stack.stop()
        _check(stack, load, victim)


def _await_answers(load: _Load, count: int) -> None:
    await_true(lambda: len(load.answers) >= count, f"{count} answers")


def _check(stack: Living, load: _Load, victim: str) -> None:
    print(
        f"{_KILLS} kills of the {victim}, {len(load.answers)} answers, size {stack.evidence().reader.frontier().size}"
    )
    verdict = stack.fsck()
    assert verdict.returncode == 0, verdict
    reader = stack.evidence().reader
    for request_id, index, leaf_hash in load.answers:
        kinds = {record.leaf_index: record for record in reader.about(parse_uuid(request_id))}
        assert kinds[index].leaf.kind == "prediction"
        assert kinds[index].leaf_hash.hex() == leaf_hash
    report = stack.evidence().completeness(None, None)
    services = [stream for stream in report.streams if stream.producer == "unix"]
    assert len(services) == (_KILLS + 1 if victim == "service" else 1)
    # A killed sidecar loses nothing, for the service sends again; a killed service takes its unsent records with it,
    # and these had no answer.
    assert all(stream.missing == 0 for stream in services)
    ended = [stream.end for stream in services]
    assert ended.count("clean") == 1
