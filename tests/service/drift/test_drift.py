# SPDX-License-Identifier: Apache-2.0
"""What is predicted is counted as training counted, whatever the model."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.drift import FLOOR, DriftBaseline, FeatureBaseline, bin_of, read_drift_baseline
from contracts.model_card import Feature, ModelCard, parse_card
from service.drift.bins import bins_of
from service.drift.drift import Drift
from tests.service.small_bundle import LINEAR_CARD, MIXED_CARD
from training.drift import drift_baseline
from training.rows import Table, to_rows

DIGESTS = {"model": "0" * 64, "explanation": "0" * 64}
MIXED = parse_card((MIXED_CARD % DIGESTS).encode())
LINEAR = parse_card((LINEAR_CARD % DIGESTS).encode())
LABELS = MIXED.output.labels
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["gold", "silver", "true"]),
        st.text(max_size=8),
        st.booleans(),
        st.integers(-3, 90),
    ),
    min_size=3,
    max_size=40,
)


def trained(rows: list[tuple[Any, ...]], card: ModelCard = MIXED) -> DriftBaseline:
    """The baseline that training writes of these rows, read back from its file."""
    names = [feature.name for feature in card.features]
    columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    labels = [card.output.labels[place % len(card.output.labels)] for place in range(len(rows))]
    written = drift_baseline(to_rows(Table(columns, labels), card.features), labels)
    return read_drift_baseline(json.dumps(written).encode(), card, "baseline")


class Model:
    """A model under drift: what it was asked, and how often it gave each label."""

    def __init__(self, card: ModelCard, baseline: DriftBaseline | None, seconds: float = 60.0) -> None:
        self.now = 0.0
        self.given = dict.fromkeys(card.output.labels, 0)
        self.drift = Drift(card, baseline, seconds, lambda: self.now, lambda: self.given)

    def asked(self, rows: Sequence[tuple[Any, ...]], labels: Iterable[str]) -> None:
        """Give these labels to these rows."""
        for label in labels:
            self.given[label] += 1
        self.drift.asked(rows)


def naive_index(expected: dict[Any, float], seen: list[Any]) -> float:
    """Over every bin that either side knows."""
    total = 0.0
    for place in {*expected, *seen}:
        p = max(expected.get(place, 0.0), FLOOR)
        q = max(seen.count(place) / len(seen), FLOOR)
        total += (p - q) * math.log(p / q)
    return total


def naive_bin(feature: FeatureBaseline, value: Any) -> Any:
    if feature.type == "boolean":
        return "true" if value else "false"
    if feature.type == "category":
        return value
    return bin_of(feature.edges, len(value) if feature.type == "text" else value)


@settings(max_examples=60)
@given(ROWS)
def test_bins_are_those_of_training(rows: list[tuple[Any, ...]]) -> None:
    """The rows trained on fall into the bins as training says, so that their index is 0."""
    baseline = trained(rows)
    for feature, column in zip(baseline.features, zip(*rows, strict=True), strict=True):
        bins = bins_of(feature)
        counts = bins.count(column)
        assert counts.sum() == len(rows)
        assert [count / len(rows) for count in counts] == pytest.approx(list(bins.expected))
    model = Model(MIXED, baseline)
    model.asked(rows, [LABELS[0]] * len(rows))
    assert model.drift.observed().feature_psi == pytest.approx(
        {feature.name: 0 for feature in MIXED.features}, abs=1e-9
    )


@settings(max_examples=60)
@given(ROWS, ROWS, st.lists(st.sampled_from(LABELS), min_size=40, max_size=40))
def test_indexes_are_those_of_a_naive_count(
    before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], labels: list[str]
) -> None:
    """Feature by feature and for the labels: numbers, lengths of texts, truth values, categories, three classes."""
    baseline = trained(before)
    model = Model(MIXED, baseline)
    given_labels = labels[: len(after)]
    model.asked(after, given_labels)
    found = model.drift.observed()
    assert found.predictions == len(after)
    assert found.answer_share == pytest.approx({label: given_labels.count(label) / len(after) for label in LABELS})
    assert baseline.answers is not None
    assert found.answer_psi == pytest.approx(naive_index(baseline.answers, given_labels))
    for feature, column in zip(baseline.features, zip(*after, strict=True), strict=True):
        shares = feature.shares if isinstance(feature.shares, dict) else dict(enumerate(feature.shares))
        seen = [naive_bin(feature, value) for value in column]
        assert found.feature_psi[feature.name] == pytest.approx(naive_index(shares, seen)), feature.name


def test_many_rows_are_counted_in_lots() -> None:
    """None is lost or counted twice where a lot ends, and looking in between changes nothing."""
    rows = [(place / 15, 1.0, 2.0, place % 7) for place in range(1500)]
    baseline = trained(rows[:1000], LINEAR)
    labels = ["churn" if place % 3 else "retain" for place in range(1500)]
    one, other, whole = (Model(LINEAR, baseline) for _ in range(3))
    whole.asked(rows, labels)
    for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
        one.asked((row,), (label,))
        other.asked((row,), (label,))
        if place % 100 == 0:
            assert other.drift.observed().predictions == place + 1
    found = one.drift.observed()
    assert found == other.drift.observed() == whole.drift.observed()
    assert found.predictions == 1500
    assert found.answer_share == pytest.approx({"churn": 2 / 3, "retain": 1 / 3})
    assert found.feature_psi["tenure_months"] > 0.2
    assert found.feature_psi["monthly_charges"] == pytest.approx(0)


def test_value_that_training_never_saw() -> None:
    """It has a bin, with the share of an empty one; a category that the baseline does not name is no error."""
    baseline = trained([("gold", "", True, 1), ("silver", "", True, 2), ("true", "", True, 3)])
    feature = msgspec.structs.replace(baseline.features[0], shares={"gold": 0.5, "silver": 0.5})
    changed = msgspec.structs.replace(baseline, features=(feature, *baseline.features[1:]))
    model = Model(MIXED, changed)
    model.asked([(kind, "", False, 2) for kind in ("gold", "silver", "true", "true")], ["low"] * 4)
    found = model.drift.observed().feature_psi
    assert found["class"] == pytest.approx(
        naive_index({"gold": 0.5, "silver": 0.5}, ["gold", "silver", "true", "true"])
    )
    assert found["urgent"] == pytest.approx(naive_index({"true": 1.0}, ["false"] * 4))


def test_model_without_baseline() -> None:
    """Labels are counted all the same; there is nothing to compare with."""
    model = Model(MIXED, None)
    model.asked([("gold", "", False, 2)] * 4, ("low", "low", "high", "low"))
    found = model.drift.observed()
    assert (found.predictions, found.feature_psi, found.answer_psi) == (4, {}, None)
    assert found.answer_share == {"low": 0.75, "medium": 0.0, "high": 0.25}
    assert model.drift.expected_answers == {}


def test_empty_window_says_nothing() -> None:
    """No index and no share of no prediction: before the first, and when the last has left."""
    model = Model(LINEAR, trained([(1.0, 2.0, 3.0, 4)] * 4, LINEAR), seconds=24.0)
    empty = model.drift.observed()
    assert (empty.predictions, empty.feature_psi, empty.answer_psi, empty.answer_share) == (0, {}, None, {})
    model.asked([(1.0, 2.0, 3.0, 4)], ["churn"])
    assert model.drift.observed().predictions == 1
    model.now = 24.0
    assert model.drift.observed() == empty


def test_model_of_numbers_and_truth_values() -> None:
    """Rows that are put aside as numbers are counted like all others."""
    features = (Feature(name="n", type="integer"), Feature(name="flag", type="boolean"))
    card = msgspec.structs.replace(LINEAR, features=features)
    baseline = trained([(1 << 53, True), (-5, False), (3, True), (3, True)], card)
    model = Model(card, baseline)
    model.asked([(1 << 53, False), ((1 << 53) - 1, False), (-6, True)], ["churn"] * 3)
    found = model.drift.observed().feature_psi
    shares = baseline.features[0].shares
    assert isinstance(shares, tuple)
    seen = [bin_of(baseline.features[0].edges, number) for number in (1 << 53, (1 << 53) - 1, -6)]
    assert found["n"] == pytest.approx(naive_index(dict(enumerate(shares)), seen))
    assert found["flag"] == pytest.approx(naive_index({"true": 0.75, "false": 0.25}, ["false", "false", "true"]))
