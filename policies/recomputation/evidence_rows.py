# SPDX-License-Identifier: Apache-2.0
"""The evaluation rows as the evidence has them: every value in the type and within the bounds of its feature.

Strict: a missing or surplus column, a row out of number, a value that the service would refuse, an unknown label all
raise TargetUnreadable with file and line. Whether the files are those of the card is left to whoever reads them.
"""

import csv
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import Any, Final, NoReturn

from contracts.model_card import Feature, Output
from policies.errors import TargetUnreadable
from policies.place import Place

EVALUATION: Final = "evidence/evaluation.csv"
LABELS: Final = "evidence/labels.csv"
GROUPS: Final = "evidence/groups.csv"
SCORES: Final = "evidence/scores.csv"
TRAINING_ROWS: Final = "evidence/training-rows.txt"
BASELINE: Final = "evidence/drift-baseline.json"

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_INT64: Final = 1 << 63


def read_features(data: bytes, file: str, features: Sequence[Feature]) -> list[list[Any]]:
    """Give one column for each feature, in the order of the card."""
    rows = _rows(data, file, [feature.name for feature in features])
    readers = [_reader(feature) for feature in features]
    columns: list[list[Any]] = [[] for _ in features]
    for line, fields in rows:
        for feature, read, column, text in zip(features, readers, columns, fields, strict=True):
            try:
                column.append(read(text))
            except ValueError as error:
                _refuse(file, line, f"`{feature.name}` is {text!r}, {error}; write what the card's features allow")
    return columns


def read_labels(data: bytes, file: str, output: Output) -> list[int]:
    """Give the position of each row's true label. Every label has a row, or figures would be undefined."""
    places = {label: place for place, label in enumerate(output.labels)}
    found = []
    for line, (label,) in _rows(data, file, ["label"]):
        if label not in places:
            _refuse(file, line, f"{label!r} is no label of the card; its output has {', '.join(output.labels)}")
        found.append(places[label])
    missing = set(range(len(places))) - set(found)
    if missing:
        _refuse(file, 1, f"no row has the label {output.labels[min(missing)]!r}; evaluate on rows of every label")
    return found


def read_groups(data: bytes, file: str) -> dict[str, list[str]]:
    """Give the groups of each protected attribute, in the order of the columns."""
    attributes = _header(data, file)[1:]
    if not attributes or len(set(attributes)) != len(attributes) or not all(attributes):
        _refuse(file, 1, "want a column for each protected attribute after `row`, each with a name of its own")
    columns: dict[str, list[str]] = {attribute: [] for attribute in attributes}
    for line, fields in _rows(data, file, attributes):
        for attribute, value in zip(attributes, fields, strict=True):
            if not value:
                _refuse(file, line, f"`{attribute}` is empty; write a group, such as `not stated`")
            columns[attribute].append(value)
    return columns


def read_scores(data: bytes, file: str, output: Output) -> tuple[list[list[float]], list[int]]:
    """Give recorded probabilities [rows][labels] and the position of each recorded answer."""
    places = {label: place for place, label in enumerate(output.labels)}
    probabilities, answers = [], []
    for line, fields in _rows(data, file, [*(f"probability {label}" for label in output.labels), "answer"]):
        try:
            chances = [_number(text) for text in fields[:-1]]
        except ValueError as error:
            _refuse(file, line, f"a probability is {error}")
        if min(chances) < 0 or abs(sum(chances) - 1) > 1e-6:
            _refuse(file, line, "the probabilities are no distribution; record what the artifact gives")
        if fields[-1] not in places:
            _refuse(file, line, f"{fields[-1]!r} is no label of the card")
        probabilities.append(chances)
        answers.append(places[fields[-1]])
    return probabilities, answers


def read_training_rows(data: bytes, file: str) -> frozenset[str]:
    """Give the digests of the training rows; rows that occur twice are listed twice."""
    lines = _text(data, file).split("\n")
    if lines.pop() != "" or not lines:
        _refuse(file, len(lines) + 1, "want one digest a line, and a line feed after the last")
    for number, line in enumerate(lines, 1):
        if not _DIGEST.fullmatch(line):
            _refuse(file, number, f"{line!r} is not 16 lower-case hex digits")
    return frozenset(lines)


def row_digests(columns: Sequence[Sequence[Any]]) -> list[str]:
    """Give the digest by which a row is found among training rows: of its values, not of how they were spelled."""
    return [
        hashlib.sha256((",".join(_quoted(_spelled(value)) for value in row) + "\n").encode()).hexdigest()[:16]
        for row in zip(*columns, strict=True)
    ]


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if set('",\r\n') & set(field) else field


def _rows(data: bytes, file: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Give line and fields of each row, without its number."""
    reader = _reader_of(data, file)
    if _next(reader, file) != ["row", *columns]:
        _refuse(file, 1, f"the columns are not {', '.join(['row', *columns])}; write them as the card has them")
    number = 0
    while (fields := _next(reader, file)) is not None:
        line = reader.line_num
        if len(fields) != len(columns) + 1:
            _refuse(file, line, f"{len(fields)} fields, want {len(columns) + 1}")
        if fields[0] != str(number):
            _refuse(file, line, f"row {fields[0]!r}, want {number}; number the rows from 0 without holes")
        yield line, fields[1:]
        number += 1
    if number == 0:
        _refuse(file, 1, "there is no row; evaluate on rows")


def _header(data: bytes, file: str) -> list[str]:
    return _next(_reader_of(data, file), file) or []


def _reader_of(data: bytes, file: str) -> Any:
    return csv.reader(StringIO(_text(data, file), newline="\n"), strict=True)


def _next(reader: Any, file: str) -> list[str] | None:
    try:
        found: list[str] | None = next(reader, None)
    except csv.Error as error:
        _refuse(file, reader.line_num, f"not CSV: {error}")
    return found


def _text(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        _refuse(file, data.count(b"\n", 0, error.start) + 1, "not UTF-8; save the file as plain UTF-8 text")


def _refuse(file: str, line: int, message: str) -> NoReturn:
    raise TargetUnreadable(Place(file, max(1, line)), message)


def _reader(feature: Feature) -> Callable[[str], Any]:
    if feature.type == "boolean":
        return _boolean
    if feature.type in ("category", "text"):
        return lambda text: _word(text, feature)
    read: Callable[[str], float] = _integer if feature.type == "integer" else _number
    return lambda text: _within(read(text), feature)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("not true or false")
    return text == "true"


def _word(text: str, feature: Feature) -> str:
    if feature.values is not None and text not in feature.values:
        raise ValueError("not one of its values")
    if feature.max_length is not None and len(text) > feature.max_length:
        raise ValueError(f"longer than {feature.max_length}")
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
        raise ValueError("not an integer of 64 bits")
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError("not a finite number")
    return float(text)


def _within(value: float, feature: Feature) -> float:
    if feature.minimum is not None and value < feature.minimum:
        raise ValueError(f"below {feature.minimum:g}")
    if feature.maximum is not None and value > feature.maximum:
        raise ValueError(f"above {feature.maximum:g}")
    return value
