# SPDX-License-Identifier: Apache-2.0
"""A card is read whole, or refused where it is wrong; what only a rule asks for may be absent."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ModelCardInvalid
from contracts.model_card import ModelCard, card_json_schema, parse_card
from contracts.yaml_document import read_yaml

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "models").glob("*/*/card.yaml"))
LEAST = """\
model_id: example
version: 1.0.0
subject_field: customer_id
features:
  - name: months
    type: number
output:
  labels: [leave, stay]
  positive: leave
  threshold: 0.5
artifact:
  file: model.onnx
  sha256: "{digest}"
  format: onnx
metrics:
  accuracy: {{value: 1, low: 0.5, high: 1, n: 3}}
  recall: {{value: 0.5}}
""".format(digest="ab" * 32)


def _refusal(text: str) -> str:
    with pytest.raises(ModelCardInvalid) as refused:
        parse_card(text.encode(), "card.yaml")
    return str(refused.value)


def test_the_least_card_can_be_served() -> None:
    """Only what identifies and serves a model is required; everything a rule asks for is None."""
    card = parse_card(LEAST.encode())
    assert (card.model_id, card.version, card.output.label_field) == ("example", "1.0.0", "prediction")
    assert card.metrics is not None
    assert card.metrics["accuracy"].n == 3
    assert card.governance_tier is None
    assert card.next_review is None
    assert card.fairness is None


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("type: number", "type: number\n    tipe: x", "7:5", "features[0]: unknown key `tipe`"),
        ("version: 1.0.0", "version: 1.0", "2:10", "put the value in quotes"),
        ("version: 1.0.0", "version: 1.0.0\nversion: 2.0.0", "3:1", "duplicate key `version`"),
        ("subject_field: customer_id\n", "", "1:1", "missing key `subject_field`; add it"),
        ("{value: 0.5}", "{value: high}", "17:19", "metrics.recall.value: Expected"),
        ("{value: 0.5}", "{value: 0.5, hi: 1}", "17:24", "unknown key `hi`"),
        ("{value: 0.5}", "{value: 0.5, n: -1}", "17:27", "metrics.recall.n"),
        ("format: onnx", "format: pickle", "14:11", "artifact.format"),
        ("file: model.onnx", "file: ../model.onnx", "12:9", "artifact.file"),
        ("file: model.onnx", "file: /model.onnx", "12:9", "artifact.file"),
        ("file: model.onnx", 'file: "model.onnx\\n"', "12:9", "artifact.file"),
        ("model_id: example", "model_id: a/b", "1:11", "model_id"),
        ("  threshold: 0.5\n", "", "8:3", "need `positive`"),
        ("positive: leave", "positive: go", "8:3", "need `positive`"),
        ("[leave, stay]", "[leave, leave]", "8:3", "holds a label twice"),
        ("[leave, stay]", "[a, b, c]", "8:3", "two labels only"),
        ("type: number", "type: category", "5:5", "lists its values"),
        ("type: number", "type: text\n    minimum: 1", "5:5", "only number and integer"),
        ("type: number", "type: number\n    minimum: 2\n    maximum: 1", "5:5", "above maximum"),
        ("name: months", "name: customer_id", "1:1", "names two fields of the request"),
        ("  threshold: 0.5", "  threshold: 0.5\n  score_field: request_id", "1:1", "already a field of every answer"),
        ("metrics:", "next_review: 2027-02-30\nmetrics:", "15:14", "next_review"),
        ("metrics:", "next_review: soon\nmetrics:", "15:14", "next_review"),
    ],
)
def test_refusals_name_the_place(old: str, new: str, where: str, what: str) -> None:
    """Unknown and duplicate keys, wrong types and contradictions are refused with file, line and column."""
    assert old in LEAST
    message = _refusal(LEAST.replace(old, new, 1))
    assert message.startswith(f"card.yaml:{where}: "), message
    assert what in message


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parts[-3])
def test_committed_cards_are_valid_by_the_published_schema(path: Path) -> None:
    """Someone else's JSON Schema validator accepts the cards that we accept."""
    card = read_yaml(path.read_bytes(), path.name).value
    jsonschema.Draft202012Validator(card_json_schema()).validate(card)
    assert isinstance(parse_card(path.read_bytes()), ModelCard)


def test_reference_cards_are_there() -> None:
    """The parametrised tests above run on both reference models, not on nothing."""
    assert [path.parts[-3] for path in CARDS] == ["telco-watson", "telecom-churn"]


def test_published_schema_is_that_of_the_struct() -> None:
    """docs/schema/model-card.schema.json is what card_json_schema gives; write it again when the card changes."""
    published = json.loads((ROOT / "docs/schema/model-card.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    assert published == card_json_schema()


def test_published_schema_refuses_an_unknown_key() -> None:
    """The schema is as strict as the reader."""
    card = read_yaml(LEAST.encode(), "card.yaml").value
    validator = jsonschema.Draft202012Validator(card_json_schema())
    assert validator.is_valid(card)
    assert not validator.is_valid(card | {"colour": "blue"})


_HOSTILE = st.sampled_from(
    ["x` - at `$.metrics[...].y", "x` - at `$.nowhere[...]", "` - at `$[...]", "[...]", "$", "value", "", "features"]
)
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _HOSTILE
    | st.text("ab1.-:", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_HOSTILE | st.text("ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
def test_whatever_is_put_into_a_card_is_read_or_refused_with_a_place(data: st.DataObject) -> None:
    """No value or key, however odd, makes reading fail in any other way."""
    card = read_yaml(LEAST.encode(), "card.yaml").value
    place = card
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [value for value in place.values() if isinstance(value, dict)]
        place = data.draw(st.sampled_from(inner)) if inner else place
    place[data.draw(st.sampled_from([*place]) | _HOSTILE)] = data.draw(_ANYTHING)
    message = "card.yaml:1:1: "
    try:
        parse_card(json.dumps(card).encode())
    except ModelCardInvalid as refused:
        message = str(refused)
    assert re.match(r"card\.yaml:\d+:\d+: ", message)
