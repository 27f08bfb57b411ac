# SPDX-License-Identifier: Apache-2.0
"""docs/figures.md computes what the card says, and names the limits that the code has."""

import re
from typing import Any

import pytest

from policies.recomputation import artifact
from policies.recomputation.comparison import LEAST_ROWS
from policies.recomputation.robustness import MOVE, NOISE
from policies.rules.performance.tolerance import LEAST, MOST
from tests import tree
from tests.policies.examples import released

TEXT = (tree.ROOT / "docs/figures.md").read_text("utf-8")


def test_a_stranger_computes_the_same(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's program, run as it stands from the root of the repository, gives two lines of the card."""
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tree.ROOT)
    found: dict[str, Any] = {}
    exec(compile(program, "docs/figures.md", "exec"), found)
    metrics = released("telco-watson").card.metrics or {}
    for name, computed in (("accuracy", found["accuracy"]), ("roc_auc", found["auc"])):
        declared = metrics[name]
        assert computed == pytest.approx((declared.value, declared.low, declared.high), abs=1e-9)
    assert "roc_auc" in capsys.readouterr().out


def test_every_figure_of_the_cards_is_defined() -> None:
    """In the tables of the page, by its name on the card."""
    figures = {name for card in ("telco-watson", "telecom-churn") for name in released(card).card.metrics or {}}
    fairness = released("telco-watson").card.fairness
    assert fairness is not None
    assert fairness.attributes is not None
    figures |= {name for name in fairness.attributes["gender"].__struct_fields__ if name != "groups"}
    assert {name for name in figures if f"| `{name}` |" not in TEXT} == set()


def test_the_limits_are_those_of_the_code() -> None:
    """A number that changes in the code changes on the page."""
    assert f"{artifact._MEMORY >> 30} GiB of\nmemory and {artifact._SECONDS} seconds" in TEXT
    assert f"at least {LEAST_ROWS} left" in TEXT
    assert f"times {NOISE} standard deviations" in TEXT
    assert f"± {MOVE} standard deviations" in TEXT
    assert (LEAST, MOST) == (1e-6, 0.005)
    assert "at least 10⁻⁶ and at most 0.005" in TEXT
