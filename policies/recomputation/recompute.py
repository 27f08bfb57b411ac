# SPDX-License-Identifier: Apache-2.0
"""Compute every figure of a card again, from its artifact or its recorded predictions, and never from the card."""

from msgspec import structs

from policies.recomputation.earlier import earlier_version
from policies.recomputation.inputs import Inputs, inputs_of
from policies.recomputation.recomputation import Recomputation
from policies.rules.judgement import Finding
from policies.targets.bundle import BundleTarget


def recompute(bundle: BundleTarget) -> Recomputation:
    """Measure a bundle, beside the version it is to replace. Raises TargetUnreadable."""
    inputs = inputs_of(bundle)
    if not isinstance(inputs, Inputs):
        return Recomputation(bundle=bundle, problems=inputs)
    # Imported when something is to be computed: a run of other rules alone needs no NumPy.
    from policies.recomputation.measure import measure

    earlier = earlier_version(bundle)
    comparison_problem = None
    if isinstance(earlier, Finding):
        comparison_problem = earlier
    elif earlier is not None:
        inputs = structs.replace(inputs, earlier=earlier)
    measured, refused = measure(inputs)
    if refused is not None:
        comparison_problem = Finding(
            place=bundle.at("previous_version"),
            message=f"the previous version cannot be compared: {refused}",
            seen=bundle.card.previous_version,
            wanted="an earlier version that answers the same rows",
        )
    return Recomputation(bundle=bundle, measured=measured, comparison_problem=comparison_problem)
