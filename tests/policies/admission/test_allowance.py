# SPDX-License-Identifier: Apache-2.0
"""The list of allowed releases: one entry a release, the current one by name, none ever lost."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.image import Image
from policies.admission.allowance import CURRENT, MAX_ENTRIES, Allowance, AllowedListFull, allow

NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
VERDICT = "ab" * 32
SIDECAR = Image("registry.example:5000/sidecar", "5d" * 32)


def release(number: int) -> Allowance:
    return Allowance(f"{number:064x}", "a1" * 32, (SIDECAR, Image("registry.example/model", f"{number + 1:064x}")))


def test_an_entry_holds_the_words_that_pods_are_compared_with() -> None:
    """By card, artifact and image, as the admission policy builds them from a pod."""
    data = allow({}, release(7), VERDICT, NOW)
    words = data[CURRENT].split(" ")
    assert words == [
        f"card=sha256:{7:064x}",
        f"artifact=sha256:{'a1' * 32}",
        f"image=registry.example/model@sha256:{8:064x}",
        f"image=registry.example:5000/sidecar@sha256:{'5d' * 32}",
        f"verdict=sha256:{VERDICT}",
        "since=2026-11-23T09:00:00Z",
    ]
    assert sorted(data.values()) == [data[CURRENT]] * 2


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_whatever_was_allowed_stays_and_the_last_is_current(order: list[int]) -> None:
    """Forwards, backwards and again: the number of entries is the number of releases."""
    data: dict[str, str] = {}
    for step, number in enumerate(order):
        data = allow(data, release(number), VERDICT, NOW + dt.timedelta(days=step))
    entries = {line for key, line in data.items() if key != CURRENT}
    assert {line.split(" ")[0] for line in entries} == {f"card=sha256:{number:064x}" for number in order}
    assert data[CURRENT].startswith(f"card=sha256:{order[-1]:064x} ")


def test_a_release_that_is_allowed_again_changes_nothing() -> None:
    """A renewed verdict of the same release moves nothing."""
    data = allow({}, release(1), VERDICT, NOW)
    assert allow(data, release(1), "cd" * 32, NOW + dt.timedelta(days=1)) == data


def test_a_full_list_is_said_and_nothing_is_dropped() -> None:
    """A dropped entry might be the one that a pod still has to be started by."""
    data: dict[str, str] = {}
    for number in range(MAX_ENTRIES):
        data = allow(data, release(number), VERDICT, NOW)
    assert allow(data, release(0), VERDICT, NOW)[CURRENT] != data[CURRENT]
    with pytest.raises(AllowedListFull, match="400 releases"):
        allow(data, release(MAX_ENTRIES), VERDICT, NOW)
    assert sum(len(key) + len(line) for key, line in data.items()) < 1_000_000
