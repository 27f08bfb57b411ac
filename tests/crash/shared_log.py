# SPDX-License-Identifier: Apache-2.0
"""Two pods under load on one log in PostgreSQL, with an archive, while the test does something to the server.

No process of a pod is ever started again: whatever ends one of them is found here.
"""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit_sidecar.stores.url import open_reader
from contracts.identifiers import parse_uuid
from contracts.otlp import encode_export
from tests.audit_sidecar.producers import foreign
from tests.conformance.outside import fsck_accepts
from tests.crash.load import Load
from tests.end_to_end.living import await_true, countersign
from tests.end_to_end.pods import Pod

_BETWEEN = 20


class SharedLog:
    """The pods, what they were told to use, and the ledgers of their callers."""

    def __init__(self, folder: Path, store: str) -> None:
        self.store, self.keys, self.archive = store, folder / "keys", folder / "archive"
        self.archive.mkdir()
        done = countersign("keygen", "--origin", "log.example.com/pods", "--out", str(self.keys))
        assert done.returncode == 0, done
        done = countersign("store", "init", store, "--key", str(self.keys / "log.key"))
        assert done.returncode == 0, done
        self.pods = [Pod(folder / f"pod{n}", self.keys, store, "--archive", str(self.archive)) for n in range(2)]
        self.loads: list[Load] = []
        self.strangers = 0

    def answered(self) -> None:
        """Both services give answers again, from the processes that were there from the beginning."""
        for load in self.loads:
            load.await_more(_BETWEEN)
        for pod in self.pods:
            await_true(pod.sidecar.is_ready, "a sidecar that is ready", pod.sidecar.log)

    def unready_after(self) -> float:
        """Seconds until the first sidecar says that it is not ready."""
        begun = time.monotonic()
        await_true(lambda: not self.pods[0].sidecar.is_ready(), "a sidecar that is not ready", self.pods[0].sidecar.log)
        return time.monotonic() - begun

    def refusal(self) -> tuple[int, str | None]:
        """Send strangers' spans to the first sidecar until one is not taken: status and Retry-After of that answer."""
        while True:  # on a disk that is nearly full a small one may still be kept
            self.strangers += 1
            status, retry_after = export_of_stranger(self.pods[0], self.strangers)
            if status != 200:
                return status, retry_after

    def require_sound(self) -> None:
        """What a clean end leaves: every answer in its place, one sound log, and an archive that is that log."""
        reader = open_reader(self.store)
        for load in self.loads:
            assert len(load.answers) > _BETWEEN
            for request_id, index, leaf_hash in load.answers:
                kinds = {record.leaf_index: record for record in reader.about(parse_uuid(request_id))}
                assert kinds[index].leaf.kind == "prediction"
                assert kinds[index].leaf_hash.hex() == leaf_hash
        counts = [count for count in reader.stream_counts(None, None) if count.state.model_id]
        assert len(counts) == 2
        assert all(count.state.ended and count.records == count.last + 1 for count in counts), "a record is missing"
        vkey = self.keys / "log.vkey"
        for log in (self.store, str(self.archive)):
            verdict = countersign("audit", "fsck", log, "--key", str(vkey))
            assert (verdict.returncode, "SOUND" in verdict.stdout) == (0, True), verdict
        assert fsck_accepts(self.archive, vkey.read_text().strip())


def export_of_stranger(pod: Pod, number: int) -> tuple[int, str | None]:
    """Send a span of a stranger's to a pod's sidecar: status and Retry-After of its answer."""
    span = foreign(number)
    body = encode_export(span.context.resource or b"", span.context.scope or b"", [span.span])
    connection = http.client.HTTPConnection("sidecar")
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(str(pod.socket))
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        reply = connection.getresponse()
        reply.read()
        return reply.status, reply.getheader("Retry-After")
    finally:
        connection.close()


@contextmanager
def shared_log(folder: Path, store: str) -> Iterator[SharedLog]:
    """Under load while the block lasts, ended in an orderly way after it."""
    shared = SharedLog(folder, store)
    try:
        for pod in shared.pods:
            pod.start()
        with Load(shared.pods[0].port) as first, Load(shared.pods[1].port) as second:
            shared.loads = [first, second]
            shared.answered()
            yield shared
        for pod in shared.pods:
            assert pod.service.stop() == 0, pod.service.log()
        for pod in shared.pods:
            assert pod.sidecar.stop() == 0, pod.sidecar.log()
    finally:
        for pod in shared.pods:
            pod.end()
