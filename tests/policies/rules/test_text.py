# SPDX-License-Identifier: Apache-2.0
"""Placeholders are told from texts that say something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rules.text import plain, repeated, says_nothing


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", "-", "--", "…", "?", "n/a", "N.A.", "TBD", "tbd.", "T.B.D.", "none", "None.", "unknown", "xxx",
        "XXXXXX", "todo", "TODO: write", "fixme later",  # what cards are refused for, not work left here
        "to be determined", "[]", "{{ text }}", "${REASON}", "<insert text here>",
        "Lorem ipsum dolor sit amet", "0", "123", "aaa", "not applicable", "  Same as above ", "_none_",
    ],
)  # fmt: skip
def test_a_placeholder_says_nothing(text: str | None) -> None:
    """No text, punctuation, a word that stands for a missing answer, and a template that nobody filled in."""
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "none needed; the customers are fictional", "SRE on call", "the retention team", "no evaluation on people",
        "unknown to the source, see the datasheet", "always; the accounts are synthetic", "解約", "ранний отток",
        "https://example.org/reports/7", "evidence/validation-report.md",
    ],
)  # fmt: skip
def test_a_text_that_says_something_is_left_alone(text: str) -> None:
    """Words in any script, and sentences that open with a placeholder's word, are for people to judge."""
    assert not says_nothing(text)


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    """No text makes it fail, and dress does not change the verdict of what plain() equates."""
    assert says_nothing(text) in (True, False)
    assert plain(plain(text)) == plain(text)


def test_one_text_in_several_places_is_found() -> None:
    """The later place is named with the first; absent texts are not equal to each other."""
    texts = {"a": "Ask the desk.", "b": None, "c": "ask the desk", "d": None, "e": "something else"}
    assert repeated(texts) == [("c", "a")]
