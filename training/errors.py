# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a recipe, its data, or the model that came of them."""

from contracts.errors import CountersignError


class RecipeInvalid(CountersignError):
    """A recipe that cannot be found or run, or whose data or texts contradict each other."""


class TrainingRefused(CountersignError):
    """A model that was fitted but may not be released: not equivalent, or in the way of a released bundle."""
