# SPDX-License-Identifier: Apache-2.0
"""Part rows into training and evaluation, by label, and never one and the same row on both sides."""

import numpy as np

from training.errors import RecipeInvalid
from training.rows import Rows


def split(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Give (training, evaluation): about `share` of each label's distinct rows is evaluated, in the order loaded.

    Rows with equal features stay together, whatever their labels, so that nothing evaluated was trained on.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for place, record in enumerate(rows.records()):
        places.setdefault(record, []).append(place)
    by_label: dict[str, list[list[int]]] = {}
    for same in places.values():
        by_label.setdefault(str(rows.labels[same[0]]), []).append(same)
    generator = np.random.default_rng(seed)
    evaluated = np.zeros(len(rows), dtype=np.bool_)
    for label in sorted(by_label):
        distinct = by_label[label]
        for chosen in generator.permutation(len(distinct))[: round(share * len(distinct))]:
            evaluated[distinct[chosen]] = True
    parts = rows.take(np.flatnonzero(~evaluated)), rows.take(np.flatnonzero(evaluated))
    labels = set(rows.labels)
    if len(labels) < 2 or any(set(part.labels) != labels for part in parts):
        raise RecipeInvalid("load() gives too few rows: training and evaluation each need rows of every label")
    return parts
