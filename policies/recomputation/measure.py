# SPDX-License-Identifier: Apache-2.0
"""From inputs to everything that was measured. Needs NumPy; the artifact runs in a process of its own.

Equal inputs are measured once in a process: a rule's examples and a bundle that is asked twice share the result.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from contracts.bundle import CARD_FILE
from policies.errors import TargetUnreadable
from policies.place import Place
from policies.recomputation.artifact import running
from policies.recomputation.baseline import step_of_feature, training_labels
from policies.recomputation.comparison import compare
from policies.recomputation.evidence_rows import (
    EVALUATION,
    GROUPS,
    LABELS,
    SCORES,
    TRAINING_ROWS,
    read_features,
    read_groups,
    read_labels,
    read_scores,
    read_training_rows,
    row_digests,
)
from policies.recomputation.figures import Answered, answered, are_distributions, given, performance
from policies.recomputation.group_figures import group_figures
from policies.recomputation.inputs import Inputs
from policies.recomputation.intervals import Floats, Integers, Sampling
from policies.recomputation.recomputation import DIFFERENCE, Comparison, Figures, Measured, Robustness, Scores
from policies.recomputation.robustness import Asked, robustness

_DRAWS = 1_000_000_000
"""Rows drawn at most for one set of intervals, so that no card keeps the gate busy for hours."""
_ALONE = 256
"""Rows that are also asked one by one."""


class _Asked(NamedTuple):
    """What the artifact said; all None where the figures come from recorded predictions."""

    probabilities: Floats | None = None
    alone: float | None = None
    robustness: Robustness | None = None


@lru_cache(maxsize=16)
def measure(inputs: Inputs) -> tuple[Measured, str | None]:
    """Measure everything, and say why there is no comparison where one was wanted. Raises TargetUnreadable."""
    true = np.array(read_labels(inputs.labels, f"{inputs.folder}/{LABELS}", inputs.output), dtype=np.intp)
    if inputs.resamples * len(true) > _DRAWS:
        raise TargetUnreadable(
            Place(f"{inputs.folder}/{CARD_FILE}"),
            f"{inputs.resamples} resamples of {len(true)} rows are over {_DRAWS} draws; evaluate with fewer resamples",
        )
    sampling = Sampling(inputs.seed, inputs.resamples, inputs.confidence)
    columns = _columns(inputs, len(true))
    recorded = _recorded(inputs, len(true))
    asked = _ask(inputs, columns) if columns is not None and inputs.level == "model" else _Asked()
    probabilities = asked.probabilities if asked.probabilities is not None else recorded[0] if recorded else None
    assert probabilities is not None
    rows = answered(inputs.output, probabilities, true)
    groups = _groups(inputs, len(true))
    digests, overlap = _overlap(inputs, columns)
    compared: Comparison | str | None = None
    if inputs.earlier is not None and asked.probabilities is not None and columns is not None:
        compared = compare(inputs, columns, rows, sampling)
    return Measured(
        level="predictions" if asked.probabilities is None else "model",
        rows=len(true),
        figures=_figures(inputs, rows, groups, sampling),
        scores=_scores(inputs, recorded, asked.probabilities),
        alone=asked.alone,
        robustness=asked.robustness,
        attributes=tuple(groups),
        training_rows=digests,
        training_labels=training_labels(inputs),
        overlap=overlap,
        comparison=compared if isinstance(compared, Comparison) else None,
    ), compared if isinstance(compared, str) else None


def _columns(inputs: Inputs, rows: int) -> list[list[Any]] | None:
    if inputs.evaluation is None:
        return None
    columns = read_features(inputs.evaluation, f"{inputs.folder}/{EVALUATION}", inputs.features)
    _same_rows(inputs, EVALUATION, len(columns[0]), rows)
    return columns


def _recorded(inputs: Inputs, rows: int) -> tuple[Floats, Integers] | None:
    if inputs.scores is None:
        return None
    probabilities, answers = read_scores(inputs.scores, f"{inputs.folder}/{SCORES}", inputs.output)
    _same_rows(inputs, SCORES, len(answers), rows)
    return np.array(probabilities), np.array(answers, dtype=np.intp)


def _groups(inputs: Inputs, rows: int) -> dict[str, list[str]]:
    if inputs.groups is None:
        return {}
    groups = read_groups(inputs.groups, f"{inputs.folder}/{GROUPS}")
    _same_rows(inputs, GROUPS, len(next(iter(groups.values()))), rows)
    return groups


def _same_rows(inputs: Inputs, file: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise TargetUnreadable(
            Place(f"{inputs.folder}/{file}"), f"has {found} rows, but {LABELS} has {wanted}; record the same rows"
        )


def _ask(inputs: Inputs, columns: Sequence[Sequence[Any]]) -> _Asked:
    place = Place(f"{inputs.folder}/{inputs.artifact_file}")
    names = [feature.name for feature in inputs.features]
    with running(inputs.artifact, place, names, len(inputs.output.labels)) as artifact:
        probabilities = artifact.probabilities(columns)
        if not are_distributions(probabilities):
            raise artifact.refusal("gives probabilities that are no distribution; export the model again")
        few = np.unique(np.linspace(0, len(probabilities) - 1, _ALONE).astype(np.intp))
        one_by_one = artifact.probabilities([[column[row] for row in few] for column in columns], alone=True)
        apart = np.abs(one_by_one - probabilities[few])
        return _Asked(
            probabilities,
            float(apart.max()) if np.isfinite(apart).all() else float("inf"),
            robustness(
                Asked(
                    inputs.features,
                    columns,
                    inputs.output,
                    artifact.probabilities,
                    inputs.seed,
                    step_of_feature(inputs),
                )
            ),
        )


def _figures(inputs: Inputs, rows: Answered, groups: dict[str, list[str]], sampling: Sampling) -> Figures:
    labels = inputs.output.labels
    fairness = {}
    if groups and inputs.selected_label in labels:
        selected = labels.index(inputs.selected_label)
        fairness = group_figures(groups, rows.given == selected, rows.true == selected, sampling)
    true, answers = Counter(rows.true.tolist()), Counter(rows.given.tolist())
    return Figures(
        metrics=performance(rows, inputs.calibration_bins, sampling),
        fairness=fairness,
        labels={label: true[place] for place, label in enumerate(labels)},
        answers={label: answers[place] for place, label in enumerate(labels)},
    )


def _scores(inputs: Inputs, recorded: tuple[Floats, Integers] | None, asked: Floats | None) -> Scores | None:
    if recorded is None:
        return None
    probabilities, answers = recorded
    apart = np.zeros(len(answers)) if asked is None else np.abs(probabilities - asked).max(axis=1)
    wrong = np.flatnonzero(given(inputs.output, probabilities) != answers)
    return Scores(
        largest_difference=float(apart.max()),
        differing=tuple(np.flatnonzero(apart > DIFFERENCE).tolist()),
        wrong_answers=tuple(wrong.tolist()),
    )


def _overlap(inputs: Inputs, columns: Sequence[Sequence[Any]] | None) -> tuple[int | None, tuple[int, ...]]:
    if inputs.training_rows is None:
        return None, ()
    known = read_training_rows(inputs.training_rows, f"{inputs.folder}/{TRAINING_ROWS}")
    digests = [] if columns is None else row_digests(columns)
    return inputs.training_rows.count(b"\n"), tuple(row for row, digest in enumerate(digests) if digest in known)
