# SPDX-License-Identifier: Apache-2.0
"""Two sidecars on one log in PostgreSQL keep one anchor and one archive, under the publisher's lease."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.stores.url import open_reader
from audit_sidecar.tlog.checkpoint import peek_checkpoint
from contracts.address import free_ports
from countersign.stack import Program
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.end_to_end.living import Process, ask, await_true, countersign


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL of this test's own."""
    with running(new_server()) as made:
        yield made


class Pair:
    """Two sidecars of one log, with one place for archive and anchor."""

    def __init__(self, folder: Path, store: str) -> None:
        self.store, self.keys, self.place = store, folder / "keys", folder / "archive"
        self.place.mkdir()
        assert countersign("keygen", "--origin", "log.example.com/pair", "--out", str(self.keys)).returncode == 0
        assert countersign("store", "init", store, "--key", str(self.keys / "log.key")).returncode == 0
        self.urls = [f"http://127.0.0.1:{port}" for port in free_ports(2)]
        self.sidecars = [self._sidecar(folder, number) for number in range(2)]

    def _sidecar(self, folder: Path, number: int) -> Process:
        arguments = [
            "sidecar", "--store", self.store, "--key", str(self.keys / "log.key"),
            "--otlp-http", f"unix:{folder}/s{number}", "--audit", self.urls[number].removeprefix("http://"),
            "--archive", str(self.place), "--anchor", str(self.place),
        ]  # fmt: skip
        program = Program(f"sidecar {number}", arguments, f"{self.urls[number]}/readyz")
        return Process(program, folder / f"sidecar{number}.log", {"COUNTERSIGN_ARCHIVE_INTERVAL": "0.5"})

    def end(self) -> None:
        """Leave no process behind."""
        for sidecar in self.sidecars:
            if sidecar.popen is not None and sidecar.popen.poll() is None:
                sidecar.kill()

    def grow(self, number: int) -> None:
        """An access record through this sidecar, until the anchor covers it."""
        assert ask("GET", f"{self.urls[number]}/api/records?limit=1").status == 200
        size = open_reader(self.store).frontier().size
        await_true(lambda: self.anchored() >= size, "it is anchored", lambda: self.sidecars[number].log())

    def anchored(self) -> int:
        """Leaves that the anchor knows."""
        path = self.place / "anchor"
        return peek_checkpoint(path.read_bytes()).size if path.exists() else 0


def test_the_anchor_passes_from_sidecar_to_sidecar(server: Server, tmp_path: Path) -> None:
    """Whoever publishes takes over what the other wrote; each is killed in turn; the archive is one sound log."""
    pair = Pair(tmp_path, server.new_database())
    try:
        for sidecar in pair.sidecars:
            sidecar.start()
        for number in (0, 1, 0):
            pair.grow(number)
            pair.sidecars[number].kill()
            pair.grow(1 - number)
            pair.sidecars[number].start()
            pair.grow(number)
        for sidecar in pair.sidecars:
            assert sidecar.stop() == 0, sidecar.log()
    finally:
        pair.end()
    said = "".join(sidecar.log() for sidecar in pair.sidecars)
    assert not re.search(r"another one signs|cannot be written", said), said
    key = ("--key", str(pair.keys / "log.vkey"))
    verdict = countersign("audit", "fsck", pair.store, *key, "--against", str(pair.place))
    assert verdict.returncode == 0, verdict
    assert countersign("audit", "fsck", str(pair.place), *key).returncode == 0
    assert pair.anchored() == open_reader(pair.store).frontier().size


def test_an_older_copy_of_the_database_is_never_signed_again(server: Server, tmp_path: Path) -> None:
    """The archive knows a later checkpoint: the sidecar refuses to start, says what to do, and leaves all as it is."""
    store = server.new_database()
    pair = Pair(tmp_path, store)
    name = store.rpartition("/")[2]
    try:
        pair.sidecars[0].start()
        pair.grow(0)
        assert pair.sidecars[0].stop() == 0
        server.run(f"CREATE DATABASE older TEMPLATE {name}")
        pair.sidecars[0].start()
        pair.grow(0)
        assert pair.sidecars[0].stop() == 0
        shown, copied = pair.anchored(), open_reader(server.url("older")).frontier().size
        assert shown > copied
        server.run(f"ALTER DATABASE {name} RENAME TO lost", f"ALTER DATABASE older RENAME TO {name}")
        pair.sidecars[0].spawn()
        assert pair.sidecars[0].wait() != 0
        assert "older copy" in pair.sidecars[0].log()
        assert "new origin" in pair.sidecars[0].log()
        assert (pair.anchored(), open_reader(store).frontier().size) == (shown, copied)
    finally:
        pair.end()
