# SPDX-License-Identifier: Apache-2.0
"""Recognise personal data in free text: e-mail addresses, phone numbers, card numbers, South African identity numbers.

What is found is named, never repeated. This is a net with a known mesh, not a proof: names and street addresses pass.
Card numbers count only with a valid Luhn digit, identity numbers only with a valid date and check digit, phone numbers
only in a form that people dial, so that amounts, dates, order numbers and UUIDs pass.
"""

import re
from typing import Final

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_CARD: Final = re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?!\w|[.,-]\w)", re.ASCII)
_IDENTITY: Final = re.compile(r"(?<![\w.,-])\d{6} ?\d{4} ?\d{3}(?!\w|[.,-]\w)", re.ASCII)
_INTERNATIONAL: Final = re.compile(r"(?<![\w+.,-])(?:\+|00)[1-9](?:[ ().-]{0,2}\d){7,14}(?!\w|[.,-]\w)", re.ASCII)
# South Africa: 0 + two digits of area or network, then seven more, as 0821234567, 082 123 4567, (021) 123-4567.
_NATIONAL: Final = re.compile(r"(?<![\w.,-])\(?0[1-8]\d\)?[ -]?\d{3}[ -]?\d{4}(?!\w|[.,-]\w)", re.ASCII)


def find_personal_data(text: str) -> str | None:
    """What kind of personal data ``text`` seems to hold, in words for a person, or None."""
    if "@" in text and _EMAIL.search(text):
        return "an e-mail address"
    if any(_is_identity(match.group()) for match in _IDENTITY.finditer(text)):
        return "a South African identity number"
    if any(_is_card(match.group()) for match in _CARD.finditer(text)):
        return "a payment card number"
    if _INTERNATIONAL.search(text) or _NATIONAL.search(text):
        return "a phone number"
    return None


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit (ISO/IEC 7812-1 Annex B) of those before it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return len(set(digits)) > 1 and digits[0] != "0" and luhn_valid(digits)


def _is_identity(text: str) -> bool:
    # YYMMDD, four digits of sequence and sex, one of citizenship (0, 1 or 2), one without meaning, Luhn check digit.
    digits = _digits(text)
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and 1 <= day <= 31 and digits[10] in "012" and luhn_valid(digits)
