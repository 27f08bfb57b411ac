# SPDX-License-Identifier: Apache-2.0
"""YAML is read by 1.2 rules, with positions, and without the parts that surprise or expand."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.yaml_document import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_STREAM_BYTES,
    YamlInvalid,
    read_yaml,
    read_yaml_stream,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("", None),
        ("0777", "0777"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
        ("1.0.0", "1.0.0"),
        ("-17", -17),
        ("1e-9", 1e-9),
        (".5", 0.5),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!float 1", 1),
        ("0x10", "0x10"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    """What an author writes without quotes means the same as in JSON, and nothing that only YAML 1.1 knows."""
    found = read_yaml(f"a: {text}\n".encode(), "f").value["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1", "duplicate key `a`, first on line 1"),
        ("a: {b: 1, b: 2}\n", "f:1:11", "duplicate key `b`"),
        ("a: &x 1\n", "f:1:4", "anchors"),
        ("a: 1\nb: *x\n", "f:2:4", "anchors and aliases"),
        ("a: !!python/object:os.system x\n", "f:1:4", "tag"),
        ("a: !!int x\n", "f:1:4", "tag"),
        ("a: !!timestamp 2026-11-23\n", "f:1:4", "tag"),
        ("a: !own [1]\n", "f:1:4", "tag"),
        ("a: .nan\n", "f:1:4", "finite"),
        ("a: 1e999\n", "f:1:4", "finite"),
        ("1: a\n", "f:1:1", "must be text"),
        ("? [a]\n: b\n", "f:1:3", "must be plain text"),
        ("a: 1\n---\nb: 1\n", "f:2:1", "second document"),
        ("a: [\n", "f:2:1", "not YAML"),
        ("a: b: c\n", "f:1:5", "not YAML"),
        ("", "f:1:1", "empty"),
        ("# nothing\n", "f:2:1", "empty"),
        ("a: \x00\n", "f:1:1", "not YAML"),
    ],
)
def test_refusals_name_file_line_and_column(text: str, where: str, what: str) -> None:
    """Everything that is refused is refused at its place."""
    with pytest.raises(YamlInvalid) as refused:
        read_yaml(text.encode(), "f")
    assert str(refused.value).startswith(f"{where}: ")
    assert what in str(refused.value)


def test_nesting_and_size_are_bounded() -> None:
    """A hostile file is refused before it costs memory or stack."""
    with pytest.raises(YamlInvalid, match=f"more than {MAX_DEPTH} levels"):
        read_yaml(b"[" * 100_000, "f")
    with pytest.raises(YamlInvalid, match="larger than"):
        read_yaml(b" " * (MAX_BYTES + 1), "f")


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    """A file in another encoding is named as such, without a traceback."""
    with pytest.raises(YamlInvalid, match=r"^f:2:4: not UTF-8"):
        read_yaml(b"\xc3\xa9: 1\n\xc3\xa9: \xc3\x28\n", "f")
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        with pytest.raises(YamlInvalid, match=r"^f:1:1: "):
            read_yaml("a: 1\n".encode(encoding), "f")


def test_positions_are_those_of_keys_and_values() -> None:
    """Keys and values are found again by path, lines and columns counted from 1."""
    document = read_yaml(b"a:\n  - b: 1\n    c: x\n", "f")
    assert document.keys[("a", 0, "c")] == (3, 5)
    assert document.values[("a", 0, "c")] == (3, 8)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn", "Zl", "Zp"], exclude_characters="\ufeff")),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text("abc", max_size=3), children, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_JSON)
def test_json_is_read_as_itself(value: object) -> None:
    """YAML holds JSON of printable text: what JSON writes is read back the same."""
    assert read_yaml(json.dumps({"value": value}, ensure_ascii=False).encode(), "f").value == {"value": value}


@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_no_bytes_escape_as_another_error(data: bytes) -> None:
    """Whatever the bytes: a document, or YamlInvalid with the file's name."""
    message = "f:"
    try:
        read_yaml(data, "f")
    except YamlInvalid as refused:
        message = str(refused)
    assert message.startswith("f:")


def test_a_stream_keeps_the_places_of_the_whole_file() -> None:
    """Every document is read, and each value stands where an editor shows it."""
    first, empty, second = read_yaml_stream(b"a: 1\n---\n# nothing\n---\nb:\n  c: on\n", "all.yaml")
    assert (first.value, empty.value, second.value) == ({"a": 1}, None, {"b": {"c": "on"}})
    assert second.values[("b", "c")] == (6, 6)


def test_a_stream_of_no_documents_is_empty() -> None:
    """Comments alone are no document; what that means is the reader's to say."""
    assert read_yaml_stream(b"# nothing\n", "all.yaml") == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\n---\nb: 1\nb: 2\n", "4:1: duplicate key `b`"),
        ("a: 1\n---\nb: &x 1\n", "3:4: anchors and aliases"),
        ("a: 1\n---\nb: [\n", "4:1: not YAML"),
        ("a: 1\n---\nb: .inf\n", "3:4: `.inf` is not a finite number"),
    ],
)
def test_a_later_document_is_held_to_the_same_rules(text: str, place: str) -> None:
    """What one document may not hold, no document of a stream may."""
    with pytest.raises(YamlInvalid, match=f"^all.yaml:{re.escape(place)}"):
        read_yaml_stream(text.encode(), "all.yaml")


def test_a_stream_has_a_bound() -> None:
    """A file that nobody could mean as manifests is refused before it is parsed."""
    with pytest.raises(YamlInvalid, match="split it"):
        read_yaml_stream(b"#" * (MAX_STREAM_BYTES + 1), "all.yaml")
