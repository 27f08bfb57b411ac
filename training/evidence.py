# SPDX-License-Identifier: Apache-2.0
"""The files that a card's figures can be computed again from, as canonical bytes.

Rows are numbered from 0 in `evaluation.csv`; `labels.csv`, `groups.csv` and `scores.csv` use the same numbers.
`training-rows.txt` holds a short digest of every training row, sorted, so that an overlap shows without the rows.
"""

import json
from typing import Any, NamedTuple

from training.metrics import Answers
from training.rows import Rows, csv_bytes, record_digest


class Evidence(NamedTuple):
    """One evidence file: its path in the bundle, its bytes, what it holds, its rows if it has any."""

    file: str
    data: bytes
    content: str
    rows: int | None = None


def evidence_files(train: Rows, evaluation: Rows, answers: Answers, baseline: dict[str, Any]) -> list[Evidence]:
    """Give every file but the explanation."""
    n = len(evaluation)
    numbers = [str(row) for row in range(n)]
    names = [feature.name for feature in evaluation.features]
    records = evaluation.records()
    scores = [[repr(value) for value in row] for row in answers.probabilities.tolist()]
    given = [answers.labels[place] for place in answers.given]
    digests = sorted(record_digest(record) for record in train.records())
    files = [
        Evidence(
            "evidence/evaluation.csv",
            csv_bytes(["row", *names], ([row, *record] for row, record in zip(numbers, records, strict=True))),
            "features of the evaluation rows", n,
        ),
        Evidence(
            "evidence/labels.csv",
            csv_bytes(["row", "label"], zip(numbers, evaluation.labels, strict=True)),
            "true labels of the evaluation rows", n,
        ),
        Evidence(
            "evidence/scores.csv",
            csv_bytes(
                ["row", *(f"probability {label}" for label in answers.labels), "answer"],
                ([row, *score, label] for row, score, label in zip(numbers, scores, given, strict=True)),
            ),
            "probabilities and answers of the artifact on the evaluation rows", n,
        ),
        Evidence(
            "evidence/training-rows.txt", "".join(f"{digest}\n" for digest in digests).encode(),
            "first 16 hex digits of the SHA-256 of each training row, sorted", len(train),
        ),
        Evidence("evidence/drift-baseline.json", json_bytes(baseline), "distribution of each feature in training"),
    ]  # fmt: skip
    if evaluation.groups:
        columns = zip(numbers, *evaluation.groups.values(), strict=True)
        data = csv_bytes(["row", *evaluation.groups], columns)
        files.insert(2, Evidence("evidence/groups.csv", data, "protected groups of the evaluation rows", n))
    return files


def json_bytes(value: Any) -> bytes:
    """Write JSON that people can read, the same bytes each time."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
