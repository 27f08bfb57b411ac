# SPDX-License-Identifier: Apache-2.0
"""Wilson's interval and McNemar's test against their definitions."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.recomputation.intervals import mcnemar, wilson
from training.intervals import wilson as trained_wilson


def test_wilson_of_a_textbook_case() -> None:
    """Newcombe (1998), table I: 81 of 263 has 0.2553 to 0.3662 at 95 %."""
    found = wilson(81, 263, 0.95)
    assert found is not None
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


@given(st.integers(1, 5000), st.data())
def test_wilson_is_that_of_training(n: int, data: st.DataObject) -> None:
    """Another arrangement of the formula gives the same bounds, and the ends are exact."""
    hits = data.draw(st.integers(0, n))
    found, expected = wilson(hits, n, 0.95), trained_wilson(hits, n, 0.95)
    assert found is not None
    assert expected is not None
    for part in ("value", "low", "high"):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_no_rows_have_no_share() -> None:
    """Nothing out of nothing is no figure."""
    assert wilson(0, 0, 0.95) is None


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_two_sided_binomial_test(better: int, worse: int) -> None:
    """Twice the smaller tail of a fair coin, at most one."""
    n = better + worse
    tail = sum(comb(n, k) for k in range(min(better, worse) + 1)) / 2**n
    assert mcnemar(better, worse) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(better, worse) == mcnemar(worse, better)
