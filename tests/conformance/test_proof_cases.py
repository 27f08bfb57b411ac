# SPDX-License-Identifier: Apache-2.0
"""Proofs of ours and of x/mod's, right and wrong: ours, x/mod's and transparency-dev's verifiers say the same."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.conformance.outside import judge
from tests.conformance.proof_cases import (
    LEAVES,
    Case,
    consistency,
    consistency_cases,
    inclusion,
    inclusion_cases,
    ours,
)

SMALL = range(1, 18)
LARGE = (255, 256, 257, 511, 512, 513, 1023, 1025)


def every_inclusion() -> Iterator[tuple[int, int]]:
    """Every leaf of small trees, the edges of larger ones."""
    yield from ((index, size) for size in SMALL for index in range(size))
    for size in LARGE:
        yield from ((index, size) for index in (0, 1, 254, 255, 256, size // 2, size - 1) if index < size)


def every_consistency() -> Iterator[tuple[int, int]]:
    """Every pair of small trees, neighbours among larger ones."""
    yield from ((old, new) for new in SMALL for old in range(1, new + 1))
    yield from pairwise(LARGE)
    yield from ((old, new) for new in LARGE for old in (1, 2, 100, new - 1, new) if old <= new)


def _cases(pairs: Callable[[], Iterator[tuple[int, int]]], of: Callable[[int, int], Iterator[Case]]) -> list[Case]:
    return [case for pair in pairs() for case in of(*pair)]


@pytest.mark.parametrize("program", ["sumdb", "formats"])
def test_inclusion_is_judged_alike(program: str) -> None:
    """Thousands of proofs of inclusion: accepted when right, refused when wrong, and nowhere a difference."""
    _judge_alike(program, _cases(every_inclusion, inclusion_cases))


@pytest.mark.parametrize("program", ["sumdb", "formats"])
def test_consistency_is_judged_alike(program: str) -> None:
    """The same for proofs that one tree extends another."""
    _judge_alike(program, _cases(every_consistency, consistency_cases))


def _judge_alike(program: str, cases: list[Case]) -> None:
    verdicts = judge(program, [case.question for case in cases])
    assert sum(verdict.accepted for verdict in verdicts) > 100
    for case, verdict in zip(cases, verdicts, strict=True):
        mine = ours(case.question)
        assert mine is (mine if case.right is None else case.right), case
        assert verdict.accepted is mine, (case, verdict.reason)


def test_xmod_proves_inclusion_as_we_do() -> None:
    """For the same leaves, x/mod's prover gives the same root and the same hashes."""
    _prove_alike([inclusion(*pair) for pair in every_inclusion()], "prove-inclusion")


def test_xmod_proves_consistency_as_we_do() -> None:
    """The same for consistency."""
    _prove_alike([consistency(*pair) for pair in every_consistency()], "prove-consistency")


def _prove_alike(questions: list[dict[str, Any]], ask: str) -> None:
    for question, theirs in zip(questions, judge("sumdb", [q | {"ask": ask} for q in questions]), strict=True):
        assert theirs.accepted, theirs.reason
        assert theirs.root == question["root"]
        assert list(theirs.hashes) == question["hashes"]


def test_the_empty_tree_is_where_they_part() -> None:
    """Every tree extends the empty one, by a proof of nothing. x/mod does not ask, transparency-dev asks no root."""
    right = consistency(0, len(LEAVES))
    wrong = right | {"old_root": LEAVES[0]}
    assert [ours(question) for question in (right, wrong)] == [True, False]
    assert [verdict.accepted for verdict in judge("formats", [right, wrong])] == [True, True]
    assert [verdict.accepted for verdict in judge("sumdb", [right, wrong])] == [False, False]
