# SPDX-License-Identifier: Apache-2.0
"""Two pods on one log in PostgreSQL, with an archive, under load: sidecars and the server are killed, and come back.

The ledgers of answers are kept here. The server is killed as a whole, not its disk: what it promises of that is its own
matter, and `store status` says which settings it makes the promise with. `COUNTERSIGN_LONG` goes round fifty times.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from audit_sidecar.publish.export_log import export_log
from audit_sidecar.stores.url import open_reader
from audit_sidecar.tlog.checkpoint import open_checkpoint
from audit_sidecar.tlog.keys import read_verifiers
from contracts.identifiers import parse_uuid
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.conformance.outside import fsck_accepts
from tests.crash.load import Load
from tests.end_to_end.living import await_true, countersign
from tests.end_to_end.pods import Pod

_ROUNDS = 50 if os.environ.get("COUNTERSIGN_LONG") else 2
_ANSWERS_BETWEEN = 30


class Ordeal(NamedTuple):
    """What is left of it."""

    store: str
    keys: Path
    archive: Path
    answers: list[list[tuple[str, int, str]]]
    longest_silence: float
    """Seconds for which no checkpoint was signed after the publisher was killed."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that this module may kill."""
    with running(new_server()) as made:
        yield made


@pytest.fixture(scope="module")
def ordeal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Under load each sidecar is killed, then the server, then everything that stores at once."""
    folder = tmp_path_factory.mktemp("pods")
    keys, archive, store = folder / "keys", folder / "archive", server.new_database()
    archive.mkdir()
    assert countersign("keygen", "--origin", "log.example.com/pods", "--out", str(keys)).returncode == 0
    assert countersign("store", "init", store, "--key", str(keys / "log.key")).returncode == 0
    pods = [Pod(folder / f"pod{number}", keys, store, "--archive", str(archive)) for number in range(2)]
    try:
        for pod in pods:
            pod.start()
        with Load(pods[0].port) as first, Load(pods[1].port) as second:
            silences = [kill_in_turn(server, store, pods, (first, second)) for _ in range(_ROUNDS)]
        for pod in pods:
            assert pod.service.stop() == 0, pod.service.log()
            assert pod.sidecar.stop() == 0, pod.sidecar.log()
    finally:
        for pod in pods:
            pod.end()
    return Ordeal(store, keys, archive, [first.answers, second.answers], max(silences))


def kill_in_turn(server: Server, store: str, pods: list[Pod], loads: tuple[Load, Load]) -> float:
    """One round; how long no checkpoint was signed when a publisher was lost."""
    silence = 0.0
    for pod in pods:
        both(loads)
        pod.sidecar.kill()
        silence = max(silence, until_next_checkpoint(store))
        pod.sidecar.start()
    both(loads)
    server.kill()
    server.start()
    both(loads)
    for pod in pods:
        assert pod.sidecar.popen is not None
        assert pod.sidecar.popen.poll() is None, f"a sidecar outlives its store: {pod.sidecar.log()}"
        pod.sidecar.signal(9)  # type: ignore[arg-type]
    server.kill()
    server.start()
    for pod in pods:
        pod.sidecar.wait()
        pod.sidecar.start()
    both(loads)
    return silence


def both(loads: tuple[Load, Load]) -> None:
    """Both services answer."""
    for load in loads:
        load.await_more(_ANSWERS_BETWEEN)


def until_next_checkpoint(store: str) -> float:
    """Seconds until a larger one is shown than now."""
    reader, begun = open_reader(store), time.monotonic()
    before = reader.checkpoint()

    def larger() -> bool:
        newest = reader.checkpoint()
        return newest is not None and (before is None or newest.size > before.size)

    await_true(larger, "another sidecar publishes")
    return time.monotonic() - begun


def test_every_answer_has_its_record_where_it_says(ordeal: Ordeal) -> None:
    """Whichever pod gave it, whatever was killed meanwhile."""
    reader = open_reader(ordeal.store)
    assert all(len(answers) > 4 * _ANSWERS_BETWEEN for answers in ordeal.answers)
    for request_id, index, leaf_hash in (answer for answers in ordeal.answers for answer in answers):
        kinds = {record.leaf_index: record for record in reader.about(parse_uuid(request_id))}
        assert kinds[index].leaf.kind == "prediction"
        assert kinds[index].leaf_hash.hex() == leaf_hash


def test_it_is_one_sound_log(ordeal: Ordeal) -> None:
    """fsck of the store; no service lost a record, and each was stopped cleanly."""
    verdict = countersign("audit", "fsck", ordeal.store, "--key", str(ordeal.keys / "log.vkey"))
    assert (verdict.returncode, "SOUND" in verdict.stdout) == (0, True), verdict
    counts = [count for count in open_reader(ordeal.store).stream_counts(None, None) if count.state.model_id]
    assert len(counts) == 2
    assert all(count.state.ended and count.records == count.last + 1 for count in counts)


def test_another_sidecar_publishes_soon(ordeal: Ordeal) -> None:
    """The lease of one that was killed runs out after three seconds; the bound here allows for a busy machine."""
    assert ordeal.longest_silence < 20


def test_strangers_accept_the_exported_folder(ordeal: Ordeal, tmp_path: Path) -> None:
    """Tessera's fsck, on the files alone."""
    export_log(open_reader(ordeal.store), tmp_path / "log")
    assert fsck_accepts(tmp_path / "log", (ordeal.keys / "log.vkey").read_text().strip())


def test_the_archive_is_that_log_to_its_end(ordeal: Ordeal) -> None:
    """Both fscks, from the archive alone; whoever archived was killed on the way, and in the end nothing is missing."""
    vkey = ordeal.keys / "log.vkey"
    verdict = countersign("audit", "fsck", str(ordeal.archive), "--key", str(vkey))
    assert (verdict.returncode, "SOUND" in verdict.stdout) == (0, True), verdict
    frontier = open_reader(ordeal.store).frontier()
    newest = open_checkpoint(
        (ordeal.archive / "checkpoint").read_bytes(), read_verifiers(vkey.read_bytes()), "log.example.com/pods"
    )
    assert (newest.size, newest.root) == (frontier.size, frontier.root())
    assert fsck_accepts(ordeal.archive, vkey.read_text().strip())
