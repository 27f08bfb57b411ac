# SPDX-License-Identifier: Apache-2.0
"""A model of free text, categories and three labels is measured like any other."""

from pathlib import Path

import pytest

from policies.recomputation.recomputation import Recomputation
from policies.recomputation.recompute import recompute
from policies.rules.fairness import figures_by_group
from policies.rules.performance import calibration, interval_bounds, recomputed_metrics, robustness, thresholds
from policies.targets.bundle import read_bundle
from tests.policies.examples import run
from tests.policies.rules.over_card import said
from tests.tree import ROOT
from training.pipeline import train
from training.recipe import load_recipe
from training.release import release


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Recomputation:
    """The recipe of support tickets, trained and measured."""
    folder: Path = tmp_path_factory.mktemp("models")
    recipe = load_recipe(str(ROOT / "tests/fixtures/recipes/support_tickets.py"))
    return recompute(read_bundle(str(release(train(recipe), folder))))


def test_every_figure_is_that_of_training(target: Recomputation) -> None:
    """Three labels, groups of a protected attribute, intervals."""
    evaluation = run(target.bundle)
    assert target.measured is not None
    assert target.measured.level == "model"
    assert set(target.measured.figures.metrics) == set(target.card.metrics or {}) >= {"macro_roc_auc", "top_label_ece"}
    assert said(recomputed_metrics.check(target, evaluation)) == ""
    assert said(figures_by_group.check(target, evaluation)) == ""
    assert said(interval_bounds.check(target, evaluation)) == ""
    assert calibration.check(target, evaluation).note or calibration.check(target, evaluation).findings


def test_texts_are_respelled(target: Recomputation) -> None:
    """And numbers moved; the card says nothing of either, which is found."""
    assert target.measured is not None
    found = target.measured.robustness
    assert found is not None
    assert found.spelling is not None
    assert found.noise is not None
    assert found.spelling.valid
    assert "does not say how answers change" in said(robustness.check(target, run(target.bundle)))


def test_thresholds_are_asked_for_by_the_names_of_more_labels(target: Recomputation) -> None:
    """Macro figures in the place of those of one positive label."""
    text = said(thresholds.check(target, run(target.bundle)))
    for name in ("accuracy", "macro_precision", "macro_recall", "macro_roc_auc"):
        assert f"there is no threshold on {name}" in text
