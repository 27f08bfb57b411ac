# SPDX-License-Identifier: Apache-2.0
"""The stability index against one that is written down naively, and baselines that are none."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.drift import FLOOR, bin_of, read_drift_baseline, stability_index
from contracts.errors import BundleInvalid
from contracts.model_card import ModelCard, parse_card

ROOT = Path(__file__).parents[2]
COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=12)


@st.composite
def compared(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    counts = draw(COUNTS)
    trained = draw(st.lists(st.integers(0, 1000), min_size=len(counts), max_size=len(counts)))
    total = sum(trained) or 1
    return [count / total for count in trained], counts


@given(compared())
def test_index_is_the_textbooks(case: tuple[list[float], list[int]]) -> None:
    """Bin by bin, each share lifted to the floor; nothing to say of nothing."""
    expected, counts = case
    found = stability_index(expected, counts)
    total = sum(counts)
    if total == 0:
        assert found is None
        return
    naive = 0.0
    for p, count in zip(expected, counts, strict=True):
        q = count / total
        p = FLOOR if p < FLOOR else p
        q = FLOOR if q < FLOOR else q
        naive += p * math.log(p) - p * math.log(q) - q * math.log(p) + q * math.log(q)
    assert found == pytest.approx(naive, abs=1e-9)
    assert found is not None
    assert found >= 0


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.integers(1, 50))
def test_index_of_equal_shares_is_zero(counts: list[int], times: int) -> None:
    """However many rows there are of each."""
    total = sum(counts)
    assert stability_index([count / total for count in counts], [count * times for count in counts]) == pytest.approx(0)


def test_index_of_a_worked_example() -> None:
    """Shares of 0.5 and 0.5 that became 0.9 and 0.1: 0.4 ln 9; a bin that was empty in training weighs by the floor."""
    assert stability_index([0.5, 0.5], [9, 1]) == pytest.approx(0.4 * math.log(9))
    moved = stability_index([1.0, 0.0], [9, 1])
    assert moved == pytest.approx(0.1 * math.log(1 / 0.9) + (0.1 - FLOOR) * math.log(0.1 / FLOOR))


@given(st.lists(st.integers(-20, 20), unique=True).map(sorted), st.integers(-25, 25))
def test_number_is_in_the_first_bin_that_reaches_it(edges: list[float], number: float) -> None:
    """An edge belongs to the bin below it."""
    naive = next((place for place, edge in enumerate(edges) if number <= edge), len(edges))
    assert bin_of(edges, number) == naive


def released(name: str) -> tuple[ModelCard, bytes]:
    folder = ROOT / "models" / name / "1.0.0"
    return parse_card((folder / "card.yaml").read_bytes()), (folder / "evidence/drift-baseline.json").read_bytes()


@pytest.mark.parametrize("name", ["telecom-churn", "telco-watson"])
def test_released_baselines_are_read(name: str) -> None:
    """Feature by feature, with the shares of the answers."""
    card, data = released(name)
    found = read_drift_baseline(data, card, "drift-baseline.json")
    assert [feature.name for feature in found.features] == [feature.name for feature in card.features]
    assert found.answers is not None
    assert sum(found.answers.values()) == pytest.approx(1)


def changed(**parts: Any) -> bytes:
    baseline = json.loads(released("telecom-churn")[1])
    feature = {**baseline["features"][0], **parts.pop("first", {})}
    return json.dumps({**baseline, "features": [feature, *baseline["features"][1:]], **parts}).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "is no drift baseline"),
        (b"{", "is no drift baseline"),
        (b"{}", "rows"),
        (changed(first={"type": "boolean"}), "by value"),
        (changed(first={"shares": {"a": 1}}), "by bin"),
        (changed(first={"edges": [1.0]}), "11 shares for 1 edges"),
        (changed(first={"edges": [1.0] * 10}), "do not grow"),
        (changed(first={"name": "other"}), "other features than the card"),
        (changed(features=[]), "other features than the card"),
        (changed(labels={"leave": 1.0}), "label `leave`"),
        (changed(answers={"leave": 1.0}), "label `leave`"),
    ],
)
def test_what_is_no_baseline_of_the_card(data: bytes, message: str) -> None:
    """Refused with the file's name, what is wrong and what mends it."""
    with pytest.raises(BundleInvalid, match=message) as refused:
        read_drift_baseline(data, released("telecom-churn")[0], "models/m/drift.json")
    assert "models/m/drift.json" in str(refused.value)
    assert "train the bundle again" in str(refused.value)
