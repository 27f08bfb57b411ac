# SPDX-License-Identifier: Apache-2.0
"""Read YAML into plain values or a typed Struct, and say `file:line:column` for everything that is refused.

Plain scalars follow the YAML 1.2 core schema, not 1.1: `no`, `on` and `12:30` are text, only `true` and `false` are
booleans, `1e-9` is a number. A number with a leading zero stays text. Dates are text too, which the Struct's own type
turns into a date, so that a version written `2026-11-23` stays a version. Refused: duplicate keys, keys that are not
text, anchors and aliases, tags outside the core schema, numbers that are not finite, nesting beyond `MAX_DEPTH`, files
beyond `MAX_BYTES`, and, except in a stream, more than one document. What the values mean is left to the Struct.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import msgspec
import yaml

from contracts.errors import ContractError

MAX_BYTES = 1 << 20
MAX_STREAM_BYTES = 16 << 20
MAX_DEPTH = 32

_T = TypeVar("_T")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,), f"{_TAG}float": (int, float), f"{_TAG}bool": (bool,), f"{_TAG}null": (type(None),),
}  # fmt: skip

Path = tuple[str | int, ...]
Position = tuple[int, int]


class YamlInvalid(ContractError):
    """A YAML file that cannot be read; the message opens with `file:line:column`."""


class YamlDocument(NamedTuple):
    """The plain value of a document, and where each part of it stands (line and column from 1)."""

    name: str
    value: Any
    keys: dict[Path, Position]
    values: dict[Path, Position]


def read_yaml(data: bytes, name: str) -> YamlDocument:
    """Read exactly one document; `name` is the file as the user knows it. Raises YamlInvalid."""
    if len(data) > MAX_BYTES:
        raise YamlInvalid(f"{name}:1:1: the file is larger than {MAX_BYTES} bytes; move bulk data to an evidence file")
    with _explained(data, name):
        return _Reader(name, yaml.parse(data, Loader=_LOADER)).document()


def read_yaml_stream(data: bytes, name: str) -> tuple[YamlDocument, ...]:
    """Read every document of a stream, each with its places in the whole; none is a stream, too. Raises YamlInvalid."""
    if len(data) > MAX_STREAM_BYTES:
        raise YamlInvalid(f"{name}:1:1: the file is larger than {MAX_STREAM_BYTES} bytes; split it")
    with _explained(data, name):
        return tuple(_documents(name, yaml.parse(data, Loader=_LOADER)))


def _documents(name: str, events: Iterator[Any]) -> Iterator[YamlDocument]:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _Reader(name, events).rest_of_document()


@contextmanager
def _explained(data: bytes, name: str) -> Iterator[None]:
    """Say what the parser refuses in the words of the file."""
    try:
        data.decode()  # the parser would take UTF-16 as well, which nothing else reads
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlInvalid(f"{name}:{line}:{column}: not YAML: {error.problem or error.context}") from None
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1
        raise YamlInvalid(f"{name}:{line}:{column}: not UTF-8; save the file as plain UTF-8 text") from None
    except yaml.YAMLError as error:
        first_line = str(error).splitlines()[0]
        raise YamlInvalid(f"{name}:1:1: not YAML: {first_line}; save the file as plain UTF-8 text") from None


def convert_yaml(data: bytes, name: str, into: type[_T]) -> _T:
    """Read one document as `into`. Raises YamlInvalid for anything the YAML or the type refuses."""
    document = read_yaml(data, name)
    try:
        return msgspec.convert(document.value, into)
    except msgspec.ValidationError as error:
        line, column, what = _explain(document, into, str(error))
        raise YamlInvalid(f"{name}:{line}:{column}: {what}") from None


class _Reader:
    """Builds plain values straight from parser events, so that nesting is bounded before it costs anything."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self._name = name
        self._events = events
        self._keys: dict[Path, Position] = {}
        self._values: dict[Path, Position] = {}

    def document(self) -> YamlDocument:
        next(self._events)  # stream start
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise self._refusal(start, "the file is empty; write one document")
        document = self.rest_of_document()
        extra = next(self._events)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise self._refusal(extra, "a second document begins; keep one document in a file")
        return document

    def rest_of_document(self) -> YamlDocument:
        """Read on behind a document's start, to its end."""
        value = self._value(next(self._events), ())
        next(self._events)  # document end
        return YamlDocument(self._name, value, self._keys, self._values)

    def _value(self, event: Any, path: Path) -> Any:
        self._values[path] = _position(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refusal(event, "anchors and aliases are not accepted; write the value out")
        if len(path) > MAX_DEPTH:
            raise self._refusal(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            return self._sequence(path)
        self._check_tag(event, "map")
        return self._mapping(path)

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in items:
                line, _ = self._keys[(*path, key)]
                raise self._refusal(event, f"duplicate key `{key}`, first on line {line}; keep one of them")
            self._keys[(*path, key)] = _position(event)
            items[key] = self._value(next(self._events), (*path, key))
        return items

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
            raise self._refusal(event, "a key must be plain text")
        if not isinstance(key := self._scalar(event), str):
            raise self._refusal(event, f"key `{event.value}` must be text; put it in quotes")
        return key

    def _scalar(self, event: Any) -> Any:
        plain, quoted = event.implicit
        if quoted or event.tag in ("!", f"{_TAG}str"):
            return event.value
        value = self._plain(event)
        if not plain and not (event.tag in _SCALAR_TAGS and type(value) in _SCALAR_TAGS[event.tag]):
            raise self._refusal(event, f"tag `{event.tag}` is not accepted here; remove it")
        return value

    def _plain(self, event: Any) -> Any:
        text: str = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text) <= 20:
            return int(text)
        if not _FLOAT.fullmatch(text) and not _NOT_FINITE.fullmatch(text):
            return text
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        raise self._refusal(event, f"`{text}` is not a finite number")

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            raise self._refusal(event, f"tag `{event.tag}` is not accepted here; remove it")

    def _refusal(self, event: Any, what: str) -> YamlInvalid:
        line, column = _position(event)
        return YamlInvalid(f"{self._name}:{line}:{column}: {what}")


def _position(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


_PLACE = re.compile(r"(?s)(.*?)(?: - at `(?:key` in `)?\$([^`]*)`)?")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_HINTS = (
    (re.compile(r"Object contains unknown field `(.+)`"), r"unknown key `\1`; remove it or mend its spelling"),
    (re.compile(r"Object missing required field `(.+)`"), r"missing key `\1`; add it"),
    (re.compile(r"Invalid RFC3339 encoded date"), "no date; write it as 2026-11-23"),
    (re.compile(r"(Expected `str.*`, got `(?:int|float|bool)`)"), r"\1; put the value in quotes"),
)


def _explain(document: YamlDocument, into: Any, message: str) -> tuple[int, int, str]:
    """Find the place that a msgspec message is about, and say it in the words of the file."""
    match = _PLACE.fullmatch(message)
    what, steps = (match[1], match[2] or "") if match else (message, "")
    try:
        path = _path(document.value, into, message, steps)
        at = document.values[path]
    except (KeyError, IndexError, TypeError):
        # A key of the file reads like a place in a message: show the message whole, at the top.
        what, path = message, ()
        at = document.values[path]
    for pattern, mended in _HINTS:
        if found := pattern.fullmatch(what):
            at = document.keys.get((*path, found[1]), at) if found.groups() else at
            what = found.expand(mended)
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return *at, f"{field}: {what}" if field else what


def _path(value: Any, into: Any, message: str, steps: str) -> Path:
    """Follow the steps of a message through the document; raises if they lead nowhere."""
    path: Path = ()
    inner = value
    for step in _STEP.finditer(steps):
        key = _culprit(value, path, into, message) if step[2] == "..." else step[1] or int(step[2])
        path, inner = (*path, key), inner[key]
    return path


def _culprit(value: Any, path: Path, into: Any, message: str) -> str:
    """Name the key that msgspec writes as `[...]`: the one that, left alone in its mapping, fails in the same way."""
    mapping = value
    for step in path:
        mapping = mapping[step]
    for key in mapping:
        try:
            msgspec.convert(_with_only(value, path, key), into)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    raise KeyError(message)


def _with_only(value: Any, path: Path, key: str) -> Any:
    if not path:
        return {key: value[key]}
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_with_only(item, rest, key) if index == step else item for index, item in enumerate(value)]
    return {name: _with_only(item, rest, key) if name == step else item for name, item in value.items()}
