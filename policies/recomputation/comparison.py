# SPDX-License-Identifier: Apache-2.0
"""This version against the one before on the same rows, row by row, so that the luck of the sample cancels out.

Rows that the earlier version was trained on are left out, where its list of training rows is there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from policies.errors import TargetUnreadable
from policies.place import Place
from policies.recomputation.artifact import running
from policies.recomputation.evidence_rows import TRAINING_ROWS, read_training_rows, row_digests
from policies.recomputation.figures import Answered, answered, are_distributions, sampled
from policies.recomputation.inputs import Earlier, Inputs
from policies.recomputation.intervals import Floats, Sampling, bootstrap, mcnemar
from policies.recomputation.recomputation import Comparison

LEAST_ROWS: Final = 100


def compare(inputs: Inputs, columns: Sequence[Sequence[Any]], rows: Answered, sampling: Sampling) -> Comparison | str:
    """Compare, or say why the two cannot be compared."""
    earlier = inputs.earlier
    assert earlier is not None
    mine = {feature.name: column for feature, column in zip(inputs.features, columns, strict=True)}
    missing = [feature.name for feature in earlier.features if feature.name not in mine]
    if missing:
        return f"{earlier.version} needs the feature {missing[0]}, which the evaluation rows do not have"
    if set(earlier.output.labels) != set(inputs.output.labels):
        return f"{earlier.version} answers with other labels: {', '.join(earlier.output.labels)}"
    theirs = [mine[feature.name] for feature in earlier.features]
    try:
        kept = _not_trained_on(earlier, theirs)
        if len(kept) < LEAST_ROWS or len(set(rows.true[kept].tolist())) < len(inputs.output.labels):
            return f"only {len(kept)} evaluation rows are new to {earlier.version}; too few to compare on"
        before = _ask(earlier, [[column[row] for row in kept] for column in theirs], rows, kept)
    except TargetUnreadable as error:
        return str(error)
    now = Answered(rows.output, rows.probabilities[kept], rows.given[kept], rows.true[kept])
    return _difference(earlier.version, now, before, (inputs.calibration_bins, sampling))


def _not_trained_on(earlier: Earlier, columns: Sequence[Sequence[Any]]) -> Any:
    if earlier.training_rows is None:
        return np.arange(len(columns[0]))
    known = read_training_rows(earlier.training_rows, f"{earlier.folder}/{TRAINING_ROWS}")
    return np.flatnonzero([digest not in known for digest in row_digests(columns)])


def _ask(earlier: Earlier, columns: Sequence[Sequence[Any]], rows: Answered, kept: Any) -> Answered:
    place = Place(f"{earlier.folder}/{earlier.artifact_file}")
    labels = earlier.output.labels
    with running(earlier.artifact, place, [feature.name for feature in earlier.features], len(labels)) as artifact:
        probabilities = artifact.probabilities(columns)
        if not are_distributions(probabilities):
            raise artifact.refusal("gives probabilities that are no distribution")
    own = answered(earlier.output, probabilities, rows.true[kept])
    order = [labels.index(label) for label in rows.output.labels]
    back = np.argsort(order)
    return Answered(rows.output, probabilities[:, order], back[own.given], rows.true[kept])


def _difference(version: str, now: Answered, before: Answered, how: tuple[int, Sampling]) -> Comparison:
    bins, sampling = how
    one, other = _all(now, bins), _all(before, bins)

    def figure(weights: Floats) -> Mapping[str, Floats]:
        after, earlier = one(weights), other(weights)
        return {name: after[name] - earlier[name] for name in after}

    right, was_right = now.given == now.true, before.given == before.true
    better, worse = int(np.count_nonzero(right & ~was_right)), int(np.count_nonzero(was_right & ~right))
    return Comparison(
        version=version,
        rows=len(now.true),
        differences=bootstrap(figure, now.true, sampling),
        better=better,
        worse=worse,
        p_value=mcnemar(better, worse),
    )


def _all(rows: Answered, bins: int) -> Any:
    right, rest = (rows.given == rows.true).astype(np.float64), sampled(rows, bins)

    def figure(weights: Floats) -> Mapping[str, Floats]:
        return {"accuracy": weights @ right / weights.sum(axis=1), **rest(weights)}

    return figure
