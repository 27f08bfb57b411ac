# SPDX-License-Identifier: Apache-2.0
"""A recipe: one Python file with `load()`, `estimator()` and `describe()`.

`load()` returns a `Table`, `estimator()` an unfitted scikit-learn classifier with `predict_proba` that addresses
columns by position, `describe()` the texts of the card. A recipe is code that its user trusts and runs.
"""

import importlib
import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from training.errors import RecipeInvalid
from training.rows import Table

__all__ = ["RECIPES", "Recipe", "Table", "load_recipe"]

RECIPES = {
    "telecom-churn": "training.recipes.telecom_churn.recipe",
    "telco-watson": "training.recipes.telco_watson.recipe",
}


class Recipe(NamedTuple):
    """The three functions of a recipe and its file; `call` runs one so that its failure names file and line."""

    name: str
    file: Path
    load: Callable[[], Table]
    estimator: Callable[[], Any]
    describe: Callable[[], Any]

    def call(self, function: str) -> Any:
        """Run `load`, `estimator` or `describe`. Raises RecipeInvalid with the recipe's own line."""
        try:
            return getattr(self, function)()
        except RecipeInvalid:
            raise
        except Exception as error:
            raise RecipeInvalid(f"{self.name}: {function}() failed{_where(error)}: {_what(error)}") from error


def load_recipe(name: str) -> Recipe:
    """Find a reference recipe by name, or load the file `name`. Raises RecipeInvalid."""
    if name in RECIPES:
        module = importlib.import_module(RECIPES[name])
    elif name.endswith(".py"):
        module = _load_file(Path(name))
    else:
        known = ", ".join(RECIPES)
        raise RecipeInvalid(f"no recipe `{name}`; name one of {known}, or a file that ends in .py")
    missing = [part for part in ("load", "estimator", "describe") if not callable(getattr(module, part, None))]
    if missing:
        raise RecipeInvalid(f"{name} has no function `{missing[0]}()`; a recipe defines load, estimator and describe")
    return Recipe(name, Path(str(module.__file__)), module.load, module.estimator, module.describe)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise RecipeInvalid(f"no file {path}; name a recipe file")
    spec = importlib.util.spec_from_file_location(f"countersign_recipe_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RecipeInvalid(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeInvalid(f"{path} cannot be run{_where(error)}: {_what(error)}") from error
    return module


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _what(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"
