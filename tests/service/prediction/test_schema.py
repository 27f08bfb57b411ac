# SPDX-License-Identifier: Apache-2.0
"""The request Struct that a card makes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.model_card import ModelCard, parse_card
from service.prediction.rejection import RequestRejected
from service.prediction.schema import RequestSchema
from tests.service.small_bundle import LINEAR_CARD, MIXED_CARD

DIGESTS = {"model": "0" * 64, "explanation": "0" * 64}


def card_of(text: str) -> ModelCard:
    return parse_card((text % DIGESTS).encode())


LINEAR = RequestSchema(card_of(LINEAR_CARD))
MIXED = RequestSchema(card_of(MIXED_CARD))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256),
    st.floats(0, 120),
    st.floats(0, 500),
    st.floats(0, 50000),
    st.integers(0, 100),
)
def test_what_fits_the_card_is_decoded_as_it_was_sent(
    subject: str, tenure: float, monthly: float, total: float, complaints: int
) -> None:
    """Subject, row in card order, and an input JSON that holds the same values without the subject."""
    body = {
        "num_complaints": complaints,
        "total_charges": total,
        "customer_id": subject,
        "monthly_charges": monthly,
        "tenure_months": tenure,
    }
    instance = LINEAR.decode(json.dumps(body).encode())
    assert instance.subject == json.loads(instance.subject_json) == subject
    assert instance.row == (tenure, monthly, total, complaints)
    names = ["tenure_months", "monthly_charges", "total_charges", "num_complaints"]
    assert json.loads(instance.input_json, object_pairs_hook=list) == [
        (name, value) for name, value in zip(names, instance.row, strict=True)
    ]


def test_whole_numbers_are_numbers() -> None:
    """`12` for a number is 12.0; the record says what the model saw."""
    body = b'{"customer_id":"c","tenure_months":12,"monthly_charges":0,"total_charges":0,"num_complaints":0}'
    assert LINEAR.decode(body).input_json.startswith('{"tenure_months":12.0,')


def test_integer_without_bounds_stays_exact_in_double_precision() -> None:
    """Beyond 2**53 a model would see another number than was sent."""
    row = {"person": "p", "class": "gold", "note": "", "urgent": False}
    assert MIXED.decode(json.dumps(row | {"age": 2**53}).encode()).row[3] == 2**53
    with pytest.raises(RequestRejected) as refusal:
        MIXED.decode(json.dumps(row | {"age": 2**53 + 1}).encode())
    assert refusal.value.field == "$.age"


@pytest.mark.parametrize("name", ["class", "def", "self", "s", "f0", "instances"])
def test_field_names_need_not_be_python_names(name: str) -> None:
    """A card may call a feature what it likes."""
    schema = RequestSchema(card_of(MIXED_CARD.replace("name: class,", f"name: {name},")))
    row = {"person": "p", name: "gold", "note": "", "urgent": False, "age": 1}
    assert schema.decode(json.dumps(row).encode()).row == ("gold", "", False, 1)


@given(st.binary(max_size=200))
def test_no_body_breaks_the_decoder(body: bytes) -> None:
    """Whatever arrives is decoded or rejected; nothing else is raised."""
    for schema in (LINEAR, MIXED):
        for decode in (schema.decode, schema.decode_batch):
            with suppress(RequestRejected):
                decode(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_json_that_is_no_request_is_a_schema_error_at_a_path(value: object) -> None:
    """JSON is never called not JSON, and the path starts at the root."""
    with pytest.raises(RequestRejected) as refusal:
        LINEAR.decode(json.dumps(value).encode())
    assert refusal.value.kind == "schema"
    assert (refusal.value.field or "").startswith("$")


def test_name_that_the_caller_made_up_is_not_recorded() -> None:
    """An unknown field's name is input: the caller is told, the record is not."""
    body = {"person": "p", "class": "gold", "note": "", "urgent": False, "age": 1, "jo@example.com": 1}
    with pytest.raises(RequestRejected) as refusal:
        MIXED.decode(json.dumps(body).encode())
    assert refusal.value.field == "$.jo@example.com"
    assert refusal.value.recorded_field == "$"


@pytest.mark.parametrize(
    "body",
    [
        b'{"customer_id":"c","tenure_months":1,"tenure_months":2,"monthly_charges":0,"total_charges":0,"num_complaints":0}',
        b'{"customer_id":"c:1","customer_\\u0069d":"d","tenure_months":1,"monthly_charges":0,"total_charges":0,'
        b'"num_complaints":0}',
    ],
)
def test_a_name_given_twice_is_refused(body: bytes) -> None:
    """Parsers differ in which of the two counts, so that the record could say something else than the caller meant."""
    with pytest.raises(RequestRejected, match="duplicate key"):
        LINEAR.decode(body)
    with pytest.raises(RequestRejected, match="duplicate key"):
        LINEAR.decode_batch(b'{"instances":[' + body + b"]}")


def test_a_batch_given_twice_is_refused() -> None:
    """The rows of one list would be answered, and those of the other would not."""
    row = b'{"customer_id":"c","tenure_months":1,"monthly_charges":0,"total_charges":0,"num_complaints":0}'
    with pytest.raises(RequestRejected, match="duplicate key"):
        LINEAR.decode_batch(b'{"instances":[' + row + b'],"instances":[' + row + b"]}")


def test_colons_in_a_text_are_no_names() -> None:
    """A subject such as `urn:c:1` is taken as it is."""
    body = b'{"customer_id":"urn:c:1","tenure_months":1,"monthly_charges":0,"total_charges":0,"num_complaints":0}'
    assert LINEAR.decode(body).subject == "urn:c:1"
