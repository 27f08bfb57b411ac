# SPDX-License-Identifier: Apache-2.0
"""`countersign train`: run a recipe and release its bundle."""

import argparse
from pathlib import Path

from contracts.model_card import ModelCard
from training.pipeline import train
from training.recipe import RECIPES, load_recipe
from training.release import release


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    known = ", ".join(RECIPES)
    parser.add_argument("recipe", metavar="NAME|RECIPE.py", help=f"{known}, or a recipe file of your own")
    parser.add_argument("--out", type=Path, default=Path("models"), metavar="DIR", help="bundles go here (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Train, release, and show what was measured."""
    trained = train(load_recipe(arguments.recipe))
    folder = release(trained, arguments.out)
    _show(trained.card)
    print(f"bundle   {folder}")
    return 0


def _show(card: ModelCard) -> None:
    print(f"model    {card.model_id} {card.version}, artifact sha256 {card.artifact.sha256}")
    if card.evaluation is not None and card.evaluation.equivalence is not None:
        equal = card.evaluation.equivalence
        print(f"equal    to {equal.reference} within {equal.max_difference:.1e} on {equal.rows} evaluation rows")
    for name, metric in (card.metrics or {}).items():
        print(f"{name:<24} {metric.value:.4f}  [{metric.low:.4f}, {metric.high:.4f}]  n={metric.n}")
    for attribute, gaps in ((card.fairness and card.fairness.attributes) or {}).items():
        if gaps.equalized_odds_difference is not None:
            odds = gaps.equalized_odds_difference
            print(f"equalized odds by {attribute}: {odds.value:.4f}  [{odds.low:.4f}, {odds.high:.4f}]")
