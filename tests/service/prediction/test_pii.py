# SPDX-License-Identifier: Apache-2.0
"""What counts as personal data in a text, and what does not."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.prediction.pii import find_personal_data, luhn_valid

AROUND = (
    st.sampled_from(["", "please call ", "nr: ", "(", "\u00e9 "]),
    st.sampled_from(["", " thanks", ".", ", bye", ")"]),
)


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if luhn_valid(digits + last))


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("4111111111111111", True),
        ("5500000000000004", True),
        ("340000000000009", True),
        ("79927398713", True),
        ("79927398710", False),
        ("4111111111111112", False),
    ],
)
def test_luhn(number: str, valid: bool) -> None:
    """Published test numbers of card schemes, and the standard's example."""
    assert luhn_valid(number) is valid


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jo.doe+x@mail.example.co.za today", "an e-mail address"),
        ("card 4111 1111 1111 1111 exp", "a payment card number"),
        ("4111-1111-1111-1111", "a payment card number"),
        ("340000000000009", "a payment card number"),
        ("id 8001015009087", "a South African identity number"),
        ("800101 5009 087", "a South African identity number"),
        ("+27 82 123 4567", "a phone number"),
        ("+27821234567", "a phone number"),
        ("+1 (415) 555-2671", "a phone number"),
        ("0027 82 123 4567", "a phone number"),
        ("082 123 4567", "a phone number"),
        ("0821234567", "a phone number"),
        ("(021) 123-4567.", "a phone number"),
    ],
)
def test_personal_data_is_named(text: str, kind: str) -> None:
    """Each of the four, in the forms that people write."""
    assert find_personal_data(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signal since the storm",
        "bill of 1234.56 on 2026-11-23, 12:30",
        "R 12 345 678.90",
        "order 4111111111111112",
        "ticket 12345678",
        "0.821234567",
        "version 10.0.19045.3693",
        "8001325009087",
        "0000000000000000",
        "a@b",
        "192.168.100.200",
        "1700000000000000000",
    ],
)
def test_other_numbers_pass(text: str) -> None:
    """Amounts, dates, tickets, versions, wrong check digits."""
    assert find_personal_data(text) is None


@given(st.uuids(version=4), st.booleans())
def test_uuids_pass(value: uuid.UUID, plain: bool) -> None:
    """Request ids are the commonest value of X-Request-Id."""
    assert find_personal_data(value.hex if plain else str(value)) is None


@given(st.integers(10**14, 10**15 - 1), *AROUND)
def test_any_card_number_with_its_check_digit_is_found(number: int, before: str, after: str) -> None:
    """Sixteen digits, in any sentence; one digit off it passes."""
    digits = with_check_digit(f"4{number}"[:15])
    assert find_personal_data(f"{before}{digits}{after}") == "a payment card number"
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert find_personal_data(f"{before}{wrong}{after}") is None


@given(st.dates(), st.integers(0, 9999), st.sampled_from("012"), st.integers(0, 9), *AROUND)
def test_any_identity_number_is_found(
    born: object, sequence: int, citizen: str, old: int, before: str, after: str
) -> None:
    """YYMMDD SSSS C A Z with a valid check digit."""
    digits = with_check_digit(f"{born:%y%m%d}{sequence:04d}{citizen}{old}")
    assert find_personal_data(f"{before}{digits}{after}") == "a South African identity number"


@given(st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,5})?@[a-z0-9]{1,10}\.[a-z]{2,5}", fullmatch=True), *AROUND)
def test_any_plain_email_is_found(address: str, before: str, after: str) -> None:
    """Wherever it stands in a sentence."""
    assert find_personal_data(f"{before}{address}{after}") == "an e-mail address"


@given(st.text(max_size=4000))
def test_any_text_is_judged_without_failing(text: str) -> None:
    """Whatever is sent, the answer is a kind or None."""
    found = find_personal_data(text)
    assert found is None or found.startswith(("a ", "an "))
