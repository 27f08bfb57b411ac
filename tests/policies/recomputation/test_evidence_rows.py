# SPDX-License-Identifier: Apache-2.0
"""Evidence is read strictly, and every mistake is named with its file and line."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.model_card import Feature, Output
from policies.errors import TargetUnreadable
from policies.recomputation.evidence_rows import (
    read_features,
    read_groups,
    read_labels,
    read_scores,
    read_training_rows,
    row_digests,
)
from training.rows import csv_bytes, record_digest

OUTPUT = Output(labels=("churn", "retain"), positive="churn", threshold=0.5)
FEATURES = (
    Feature(name="months", type="integer", minimum=0, maximum=120),
    Feature(name="charge", type="number", minimum=0, maximum=500),
    Feature(name="paperless", type="boolean"),
    Feature(name="contract", type="category", values=("month", "year, or more")),
    Feature(name="note", type="text", max_length=20),
)
HEAD = "row,months,charge,paperless,contract,note\n"
Read = Callable[[bytes], Any]


def features(data: bytes) -> Any:
    return read_features(data, "f", FEATURES)


def labels(data: bytes) -> Any:
    return read_labels(data, "f", OUTPUT)


def groups(data: bytes) -> Any:
    return read_groups(data, "f")


def scores(data: bytes) -> Any:
    return read_scores(data, "f", OUTPUT)


def training_rows(data: bytes) -> Any:
    return read_training_rows(data, "f")


SCORES = "row,probability churn,probability retain,answer\n"


@pytest.mark.parametrize(
    ("read", "text", "line", "words"),
    [
        (features, "", 1, "the columns are not"),
        (features, HEAD, 1, "there is no row"),
        (features, "row,months\n0,1\n", 1, "the columns are not"),
        (features, HEAD + "0,1,2.5,true,month\n", 2, "5 fields, want 6"),
        (features, HEAD + "1,1,2.5,true,month,x\n", 2, "row '1', want 0"),
        (features, HEAD + "0,1,2.5,true,month,x\n0,1,2.5,true,month,x\n", 3, "row '0', want 1"),
        (features, HEAD + "0,1.5,2.5,true,month,x\n", 2, "not an integer"),
        (features, HEAD + "0,99999999999999999999,2.5,true,month,x\n", 2, "not an integer"),
        (features, HEAD + "0,1,nan,true,month,x\n", 2, "not a finite number"),
        (features, HEAD + "0,1,1e999,true,month,x\n", 2, "not a finite number"),
        (features, HEAD + "0,1,1_0,true,month,x\n", 2, "not a finite number"),
        (features, HEAD + "0,1,501,true,month,x\n", 2, "above 500"),
        (features, HEAD + "0,-1,5,true,month,x\n", 2, "below 0"),
        (features, HEAD + "0,1,5,True,month,x\n", 2, "not true or false"),
        (features, HEAD + "0,1,5,true,week,x\n", 2, "not one of its values"),
        (features, HEAD + "0,1,5,true,month,123456789012345678901\n", 2, "longer than 20"),
        (features, HEAD + '0,1,5,true,month,"x\n', 2, "not CSV"),
        (features, HEAD + '0,1,5,true,month,"two\nlines"\n1,1,5,no,month,x\n', 4, "not true or false"),
        (labels, "row,label\n0,churn\n1,maybe\n", 3, "no label of the card"),
        (labels, "row,label\n0,churn\n1,churn\n", 1, "no row has the label 'retain'"),
        (groups, "row\n0\n", 1, "want a column for each protected attribute"),
        (groups, "row,sex,sex\n0,f,m\n", 1, "want a column for each protected attribute"),
        (groups, "row,sex\n0,\n", 2, "`sex` is empty"),
        (scores, SCORES + "0,0.5,0.6,churn\n", 2, "no distribution"),
        (scores, SCORES + "0,-0.5,1.5,churn\n", 2, "no distribution"),
        (scores, SCORES + "0,x,1,churn\n", 2, "not a finite number"),
        (scores, SCORES + "0,0.5,0.5,maybe\n", 2, "no label of the card"),
        (training_rows, "0123456789abcdef", 1, "a line feed after the last"),
        (training_rows, "", 1, "want one digest a line"),
        (training_rows, "0123456789abcdef\n0123456789ABCDEF\n", 2, "not 16 lower-case hex digits"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(read: Read, text: str, line: int, words: str) -> None:
    """Nothing is guessed, mended or passed over, and nothing else than TargetUnreadable comes out."""
    with pytest.raises(TargetUnreadable, match=words) as refused:
        read(text.encode())
    assert (refused.value.place.file, refused.value.place.line) == ("f", line)


@pytest.mark.parametrize("read", [features, labels, groups, scores, training_rows])
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(read: Read, data: bytes) -> None:
    """Bytes of strangers raise nothing but TargetUnreadable."""
    with suppress(TargetUnreadable):
        read(data)


VALUES = st.tuples(
    st.integers(0, 120),
    st.floats(0, 500),
    st.booleans(),
    st.sampled_from(("month", "year, or more")),
    st.text(st.characters(codec="utf-8"), max_size=20),
)


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_rows_of_training_read_back(rows: list[tuple[Any, ...]]) -> None:
    """What training writes is read to the same values, whatever the text, and digests are training's."""
    spelled = [(str(a), repr(b), "true" if c else "false", d, e) for a, b, c, d, e in rows]
    header = ["row", *(feature.name for feature in FEATURES)]
    data = csv_bytes(header, [(str(number), *row) for number, row in enumerate(spelled)])
    columns = features(data)
    assert list(zip(*columns, strict=True)) == rows
    assert row_digests(columns) == [record_digest(row) for row in spelled]


def test_another_spelling_has_the_same_digest() -> None:
    """A row that was trained on is found however its numbers are written."""
    plain = features((HEAD + "0,7,12.5,true,month,x\n").encode())
    dressed = features((HEAD + "0,+07,1.250e1,true,month,x\n").encode())
    assert row_digests(plain) == row_digests(dressed)
