# SPDX-License-Identifier: Apache-2.0
"""Rows of data in the types of a card's features: number float64, integer int64, boolean bool, the others text.

`to_rows` refuses data that the served model would refuse: a value of another type, out of range, or unknown. The CSV
text of rows is canonical: the same rows give the same bytes, and numbers read back to the same bits.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.model_card import Feature
from training.errors import RecipeInvalid

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_DTYPES = {"number": np.float64, "integer": np.int64, "boolean": np.bool_, "category": object, "text": object}
_NEEDS_QUOTES = frozenset('",\r\n')
NUMERIC = ("number", "integer", "boolean")


class Table(NamedTuple):
    """What a recipe loads: a column for each feature, the label of each row, and its protected groups, if known.

    `source` is the file that the rows were read from; its digest goes on the card.
    """

    columns: Mapping[str, Sequence[Any]]
    labels: Sequence[str]
    groups: Mapping[str, Sequence[str]] = {}
    source: Path | None = None


@dataclass(frozen=True)
class Rows:
    """Checked rows; every array has the length of `labels`."""

    features: tuple[Feature, ...]
    columns: tuple[Array, ...]
    labels: Array
    groups: dict[str, Array]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def numeric(self) -> bool:
        """Whether one float64 matrix holds every feature."""
        return all(feature.type in NUMERIC for feature in self.features)

    def take(self, index: Array) -> "Rows":
        """Give the rows at `index`, in its order."""
        groups = {name: values[index] for name, values in self.groups.items()}
        return Rows(self.features, tuple(column[index] for column in self.columns), self.labels[index], groups)

    def matrix(self) -> Array:
        """Give the features as scikit-learn gets them: columns by position, numbers as float64."""
        if self.numeric:
            return np.column_stack([column.astype(np.float64) for column in self.columns])
        matrix = np.empty((len(self), len(self.columns)), dtype=object)
        for position, (feature, column) in enumerate(zip(self.features, self.columns, strict=True)):
            matrix[:, position] = column.astype(np.float64) if feature.type in NUMERIC else column
        return matrix

    def records(self) -> list[tuple[str, ...]]:
        """Give each row's features as canonical text."""
        return list(zip(*(_texts(column) for column in self.columns), strict=True))


def to_rows(table: Table, features: tuple[Feature, ...]) -> Rows:
    """Check a recipe's table against the features of its card. Raises RecipeInvalid."""
    names = [feature.name for feature in features]
    if set(table.columns) != set(names):
        difference = ", ".join(sorted(set(table.columns) ^ set(names)))
        raise RecipeInvalid(f"load() and describe() name different features: {difference}; give both the same names")
    lengths = {len(values) for values in (*table.columns.values(), *table.groups.values(), table.labels)}
    if len(lengths) != 1:
        raise RecipeInvalid(
            f"load() gives columns of different lengths: {sorted(lengths)}; every row needs every value"
        )
    columns = tuple(_column(feature, table.columns[feature.name]) for feature in features)
    groups = {name: np.array([str(value) for value in values], dtype=object) for name, values in table.groups.items()}
    return Rows(features, columns, np.array([str(label) for label in table.labels], dtype=object), groups)


def csv_bytes(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """Write CSV as UTF-8, a line feed after each line, quotes (RFC 4180) only where they are needed.

    Not by `csv.writer`: whether it quotes a lone carriage return depends on the version of Python.
    """
    lines = (",".join(_quoted(field) for field in row) for row in (header, *rows))
    return "".join(f"{line}\n" for line in lines).encode()


def record_digest(record: tuple[str, ...]) -> str:
    """Give 16 hex digits that tell rows apart: the SHA-256 of the row's CSV line, shortened."""
    return hashlib.sha256(csv_bytes(record, ())).hexdigest()[:16]


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _NEEDS_QUOTES & set(field) else field


def _column(feature: Feature, values: Sequence[Any]) -> Array:
    try:
        column: Array = np.array(list(values), dtype=_DTYPES[feature.type])
    except (TypeError, ValueError) as error:
        raise RecipeInvalid(f"load() gives `{feature.name}` values that are not {feature.type}: {error}") from None
    for row, value in enumerate(column):
        if what := _objection(feature, value):
            raise RecipeInvalid(f"load() row {row}: `{feature.name}` is {value!r}, {what}; mend load() or describe()")
    return column


def _objection(feature: Feature, value: Any) -> str | None:
    if feature.type in ("category", "text"):
        if not isinstance(value, str):
            return "not text"
        if feature.values is not None and value not in feature.values:
            return "not one of its values"
        too_long = feature.max_length is not None and len(value) > feature.max_length
        return f"longer than {feature.max_length}" if too_long else None
    if not np.isfinite(value):
        return "not a finite number"
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    return None if low <= value <= high else f"outside {low:g} to {high:g}"


def _texts(column: Array) -> list[str]:
    if column.dtype == np.bool_:
        return ["true" if value else "false" for value in column]
    if column.dtype == object:
        return list(column)
    return [repr(value) for value in column.tolist()]
