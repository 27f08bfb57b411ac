# SPDX-License-Identifier: Apache-2.0
"""Changed inputs: what a little noise, other spelling, a lost value and a small move against the answer do to answers.

docs/figures.md fixes every change, so that the same bundle gives the same counts everywhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from contracts.model_card import Feature, Output
from policies.recomputation.figures import are_distributions, given
from policies.recomputation.intervals import Floats, Integers
from policies.recomputation.recomputation import Robustness, Shift

NOISE: Final = 0.05
"""Standard deviation of the noise, in standard deviations of the feature over the evaluation rows."""
MOVE: Final = 0.1
"""Length of the move against the answer, in the same unit."""
_NUMERIC: Final = ("number", "integer")

Columns = Sequence[Sequence[Any]]
Predict = Callable[[Columns], Floats]


class Asked(NamedTuple):
    """The rows, and how to ask about changed ones."""

    features: tuple[Feature, ...]
    columns: Columns
    output: Output
    predict: Predict
    seed: int
    steps: Mapping[str, float]
    """By feature, how far `moved` goes; empty where the card names no step."""


def robustness(asked: Asked) -> Robustness:
    """Measure each change that the features allow against the answers to the rows as they are."""
    features, columns, output, predict, seed, steps = asked
    unchanged = predict(columns)
    answers = given(output, unchanged)
    numbers = [place for place, feature in enumerate(features) if feature.type in _NUMERIC]

    def shift(name: str, changed: Columns) -> Shift:
        found = predict(changed)
        valid = are_distributions(found)
        flipped = int(np.count_nonzero(given(output, found) != answers))
        return Shift(name=name, flipped=flipped, rows=len(answers), valid=valid)

    def either(place: int, step: float) -> Shift:
        # Less than one is no move of an integer: the least that can happen to it is one more or one fewer.
        step = max(1.0, float(np.rint(step))) if features[place].type == "integer" else step
        both = [predict(_moved(features, columns, [place], np.full((len(answers), 1), by))) for by in (-step, step)]
        flipped = np.logical_or(*(given(output, found) != answers for found in both))
        valid = all(map(are_distributions, both))
        return Shift(name=features[place].name, flipped=int(flipped.sum()), rows=len(answers), valid=valid)

    noise = worst = spelling = None
    if numbers:
        moved = _moved(features, columns, numbers, _noise(columns, numbers, seed))
        noise = shift("noise", moved)
        against = _against(features, columns, numbers, (unchanged, answers, predict))
        worst = shift("worst", _moved(features, columns, numbers, against))
    if any(feature.type == "text" for feature in features):
        spelling = shift("spelling", _respelled(features, columns))
    boundary = tuple(shift(name, changed) for name, changed in _lost(features, columns, numbers))
    moved_alone = tuple(either(place, steps[features[place].name]) for place in numbers if steps)
    return Robustness(noise=noise, worst=worst, spelling=spelling, boundary=boundary, moved=moved_alone)


def _noise(columns: Columns, numbers: Sequence[int], seed: int) -> Floats:
    spread = _spread(columns, numbers)
    drawn: Floats = np.random.default_rng(seed).standard_normal((len(columns[0]), len(numbers)))
    return drawn * spread * NOISE


def _against(
    features: Sequence[Feature],
    columns: Columns,
    numbers: Sequence[int],
    asked: tuple[Floats, Integers, Predict],
) -> Floats:
    """For each row and number the move, down or up, after which the row's own answer is the less probable."""
    unchanged, answers, predict = asked
    rows = np.arange(len(answers))
    steps = _spread(columns, numbers) * MOVE
    moves = np.zeros((len(answers), len(numbers)))
    for column, step in enumerate(steps):
        lowest = unchanged[rows, answers]
        for signed in (-step, step):
            alone = np.zeros_like(moves)
            alone[:, column] = signed
            chances = predict(_moved(features, columns, numbers, alone))[rows, answers]
            lower = chances < lowest
            moves[lower, column] = signed
            lowest = np.where(lower, chances, lowest)
    return moves


def _spread(columns: Columns, numbers: Sequence[int]) -> Floats:
    return np.array([np.std(np.asarray(columns[place], dtype=np.float64)) for place in numbers])


def _moved(features: Sequence[Feature], columns: Columns, numbers: Sequence[int], moves: Floats) -> list[Sequence[Any]]:
    """Add a move to each number, within the feature's bounds; an integer goes to the nearest one."""
    moved = list(columns)
    for place, by in zip(numbers, moves.T, strict=True):
        feature = features[place]
        values = np.asarray(columns[place], dtype=np.float64) + by
        low = -np.inf if feature.minimum is None else feature.minimum
        high = np.inf if feature.maximum is None else feature.maximum
        values = np.clip(np.rint(values) if feature.type == "integer" else values, low, high)
        moved[place] = values.astype(np.int64) if feature.type == "integer" else values
    return moved


def _respelled(features: Sequence[Feature], columns: Columns) -> list[Sequence[Any]]:
    """Capitals and double spaces, cut to the feature's length."""
    changed = list(columns)
    for place, feature in enumerate(features):
        if feature.type == "text":
            changed[place] = [text.upper().replace(" ", "  ")[: feature.max_length] for text in columns[place]]
    return changed


def _lost(
    features: Sequence[Feature], columns: Columns, numbers: Sequence[int]
) -> Iterator[tuple[str, list[Sequence[Any]]]]:
    for place in numbers:
        feature = features[place]
        for bound, name in ((feature.minimum, "minimum"), (feature.maximum, "maximum")):
            if bound is not None:
                value = int(bound) if feature.type == "integer" else bound
                changed = list(columns)
                changed[place] = [value] * len(columns[place])
                yield f"{feature.name} at its {name}", changed
