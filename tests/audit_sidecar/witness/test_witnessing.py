# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are cosigned while the log grows; whoever is away, late or wrong costs its line and nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.tlog.cosignature import cosigned_times
from audit_sidecar.tlog.policy import read_policy
from audit_sidecar.witness.client import WitnessAway, WitnessClient, WitnessDisagrees, WitnessKnowsMore
from audit_sidecar.witness.witnessing import Witnessing
from contracts import metrics as names
from contracts.errors import SettingInvalid
from tests.audit_sidecar.evidence_log import SIGNER
from tests.audit_sidecar.producers import Log, foreign, new_log, stranger
from tests.witness import Witness, serving


class Circle:
    """Witnesses that run, and the policy that names them."""

    def __init__(self, log: Log, count: int, quorum: str) -> None:
        self.witnesses = [Witness(f"w{number}", SIGNER.verifier, bytes([number] * 32)) for number in range(count)]
        self._stack = ExitStack()
        urls = [self._stack.enter_context(serving(witness)) for witness in self.witnesses]
        lines = [
            f"witness {witness.cosigner.name} {witness.cosigner.to_text()} {url}\n"
            for witness, url in zip(self.witnesses, urls, strict=True)
        ]
        self.metrics = SidecarMetrics("0", lambda: 5.0)
        self.policy = read_policy("".join([*lines, quorum]).encode())
        self.witnessing = Witnessing(self.policy, log.reader, self.metrics, 0.5)

    def close(self) -> None:
        """End them."""
        self._stack.close()

    def value(self, name: str) -> float | None:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(name)


@pytest.fixture
def circle(log: Log) -> Iterator[Circle]:
    """Three witnesses of which two are a quorum."""
    made = Circle(log, 3, "group g 2 w0 w1 w2\nquorum g\n")
    yield made
    made.close()


def grow(log: Log, count: int, first: int = 0) -> bytes:
    """Add so many leaves and sign; the note."""
    log.send(stranger(*(foreign(first + number) for number in range(count))))
    log.publish_now()
    checkpoint = log.reader.checkpoint()
    assert checkpoint is not None
    return checkpoint.note


async def test_every_checkpoint_of_a_growing_log_is_cosigned(log: Log, circle: Circle) -> None:
    """Each round proves the growth to every witness, and all their lines verify."""
    cosigners = tuple(witness.cosigner for witness in circle.witnesses)
    for first in (0, 300, 700):
        note = await circle.witnessing.cosign(grow(log, 300, first))
        assert note is not None
        assert set(cosigned_times(note, cosigners)) == {"w0", "w1", "w2"}
        assert circle.value(names.AUDIT_WITNESSED_SIZE) == log.reader.frontier().size
    assert circle.value(names.AUDIT_WITNESSED_TIME) == 5.0


async def test_a_new_process_learns_how_far_the_witness_came(log: Log, circle: Circle) -> None:
    """It asks from nothing, is told the size, and proves from there."""
    await circle.witnessing.cosign(grow(log, 300))
    fresh = Witnessing(circle.policy, log.reader, circle.metrics, 0.5)
    assert await fresh.cosign(grow(log, 300, 500)) is not None
    assert circle.witnesses[0].asked[-2:] == [0, 301]


@pytest.mark.parametrize("mood", ["forge", "other key", "flood", "babble", "silent", "half", "dribble"])
async def test_a_witness_that_fails_costs_its_line(log: Log, circle: Circle, mood: str) -> None:
    """Two of three are the quorum: one that lies, babbles or sleeps changes nothing; two that do leave none."""
    circle.witnesses[0].mood = mood
    note = await circle.witnessing.cosign(grow(log, 10))
    assert note is not None
    assert set(cosigned_times(note, tuple(w.cosigner for w in circle.witnesses))) == {"w1", "w2"}
    circle.witnesses[1].mood = mood
    size = circle.value(names.AUDIT_WITNESSED_SIZE)
    assert await circle.witnessing.cosign(grow(log, 10, 50)) is None
    assert circle.value(names.AUDIT_WITNESSED_SIZE) == size


async def test_one_that_saw_another_history_is_counted(log: Log, circle: Circle) -> None:
    """Its word stops nobody while the process runs; it is counted, and the checkpoint stays without its line."""
    circle.witnesses[0].size, circle.witnesses[0].root = 5, bytes(32)
    assert await circle.witnessing.cosign(grow(log, 10)) is not None
    assert circle.value(names.AUDIT_WITNESS_DISAGREEMENTS) == 1


def test_at_the_start_a_later_checkpoint_refuses_the_store(log: Log, circle: Circle, tmp_path: Path) -> None:
    """A restored older copy is behind what the witness saw: nothing more is signed for it."""
    (tmp_path / "older").mkdir()
    older = new_log(tmp_path / "older")
    circle.witnessing.require_agreement(grow(log, 150))
    note = grow(older, 50)
    with pytest.raises(StoreRefused, match=r"older copy.*new origin"):
        Witnessing(circle.policy, older.reader, circle.metrics, 5).require_agreement(note)
    older.writer.close()


def test_at_the_start_another_history_refuses_the_store(log: Log, circle: Circle, tmp_path: Path) -> None:
    """A fork of the same size or larger has no proof that the witness accepts."""
    WitnessClient(circle.policy.witnesses[0], 5).cosign(grow(log, 50), lambda *_: ())
    (tmp_path / "fork").mkdir()
    fork = new_log(tmp_path / "fork")
    note = grow(fork, 80, 5000)
    with pytest.raises(StoreRefused, match="another history"):
        Witnessing(circle.policy, fork.reader, circle.metrics, 5).require_agreement(note)
    fork.writer.close()


def test_at_the_start_a_witness_that_is_away_is_passed_over(log: Log, circle: Circle) -> None:
    """A witness never holds up the start."""
    note = grow(log, 10)
    circle.close()
    circle.witnessing.require_agreement(note)


def test_what_the_client_is_told_decides_what_it_says(log: Log, circle: Circle) -> None:
    """More leaves than there are, another history and no answer are three different things."""
    note = grow(log, 10)
    client = WitnessClient(circle.policy.witnesses[0], 5)
    circle.witnesses[0].size = 99
    with pytest.raises(WitnessKnowsMore, match="99 leaves"):
        client.cosign(note, lambda *_: ())
    circle.witnesses[0].size = 11
    with pytest.raises(WitnessDisagrees, match="another history"):
        client.cosign(note, lambda *_: ())
    circle.close()
    with pytest.raises(WitnessAway):
        client.cosign(note, lambda *_: ())


def test_at_the_start_one_that_never_ends_its_answer_is_passed_over(log: Log, circle: Circle) -> None:
    """Byte after byte within every timeout of a socket: the question as a whole has an end, and is asked once."""
    for witness in circle.witnesses:
        witness.mood = "dribble"
    note = grow(log, 10)
    for _ in range(2):
        circle.witnessing.require_agreement(note)
    assert [len(witness.asked) for witness in circle.witnesses] == [1, 1, 1]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("witness w {key} ftp://w\nquorum w\n", "w has no http"),
        ("witness w {key}\nquorum w\n", "do not make the quorum 'w'"),
        ("witness w {key}\nwitness v {key} http://v\ngroup g 2 v w\nquorum g\n", r"with a URL \(v\)"),
    ],
)
def test_a_policy_that_nobody_could_meet_is_a_setting(log: Log, lines: str, says: str) -> None:
    """A sidecar that could never have a checkpoint witnessed says so at the start."""
    key = Witness("w", SIGNER.verifier).cosigner.to_text()
    with pytest.raises(SettingInvalid, match=says):
        Witnessing(read_policy(lines.format(key=key).encode()), log.reader, SidecarMetrics("0", lambda: 0.0), 0.5)


def test_at_the_start_what_another_sidecar_signs_meanwhile_is_no_older_copy(log: Log, circle: Circle) -> None:
    """The checkpoint that was read is behind what the witness saw, but the store has that one by now."""
    first = grow(log, 10)
    circle.witnessing.require_agreement(grow(log, 10, 50))
    Witnessing(circle.policy, log.reader, circle.metrics, 5).require_agreement(first)
