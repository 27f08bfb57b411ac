# SPDX-License-Identifier: Apache-2.0
"""The rolling window against a list of everything that was ever counted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.drift.window import Window

STEPS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), max_size=60)
"""Seconds that pass, and how many are then counted."""


@given(STEPS)
def test_window_holds_its_parts_and_no_more(steps: list[tuple[int, int]]) -> None:
    """With parts of one second: what was counted in this second and the 23 before it."""
    now = [0.0]
    window = Window(2, 24.0, lambda: now[0])
    counted: list[tuple[float, int]] = []
    for passed, number in steps:
        now[0] += passed
        window.add(np.array([number, 1]))
        counted.append((now[0], number))
        within = [number for when, number in counted if when > now[0] - 24]
        assert window.counts().tolist() == [sum(within), len(within)]


def test_window_empties_by_itself() -> None:
    """Time passes also while nothing is counted."""
    now = [100.5]
    window = Window(1, 240.0, lambda: now[0])
    window.add(np.array([7]))
    now[0] += 229
    assert window.counts().tolist() == [7]
    now[0] += 11
    assert window.counts().tolist() == [0]
    now[0] += 1e9
    window.add(np.array([1]))
    assert window.counts().tolist() == [1]
