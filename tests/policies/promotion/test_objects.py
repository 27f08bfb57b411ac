# SPDX-License-Identifier: Apache-2.0
"""Objects as files: what is read again is what was written, by any reader of YAML."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.yaml_document import read_yaml
from policies.errors import CannotEvaluate
from policies.promotion.objects import object_files, written
from tests.policies.examples import documents

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=12)
LINES = st.lists(TEXT, max_size=3).map("\n".join)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | LINES
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    """By the reader of the gate and by PyYAML, which know different words for true."""
    content = written(value)
    assert read_yaml(content, "written").value == value
    assert yaml.safe_load(content) == value


@pytest.mark.parametrize(
    "word", ["y", "No", "on", "0o17", "1_000", "0x1f", "1e3", ".5", "12:30:45", "~", "=", "", "<<"]
)
def test_a_text_that_a_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    """Kubernetes reads YAML by a mixture of both versions of the language."""
    assert json.dumps(word) in written({"value": word}).decode()


def test_each_object_has_a_file_of_its_own() -> None:
    """By kind and name; two of one name would be one file."""
    pair = "kind: A\napiVersion: v1\nmetadata: {name: x}\n---\nkind: B\napiVersion: v1\nmetadata: {generateName: y-}\n"
    assert sorted(object_files(documents(pair, "all.yaml"))) == ["a-x.yaml", "b-y.yaml"]
    with pytest.raises(CannotEvaluate, match="two objects of the rendering are A x"):
        object_files(documents(f"{pair}---\n{pair}", "all.yaml"))
