# SPDX-License-Identifier: Apache-2.0
"""Ask one rule about the computed figures of a changed reference card, or about figures that are changed themselves."""

from typing import Any

from msgspec import structs

from contracts.model_card_evidence import Metric
from policies.recomputation.recomputation import Measured, Recomputation
from policies.rules.judgement import Judgement
from tests.policies.examples import bundle, recomputed, run


def figures(patch: dict[str, Any] | None = None, card: str = "telco-watson") -> Recomputation:
    """A reference card under a merge patch, with what was computed from its bundle."""
    target: Recomputation = recomputed(bundle(patch, card))
    return target


def ask(module: Any, patch: dict[str, Any] | None = None, card: str = "telco-watson", **changes: Any) -> Judgement:
    """What a rule says; `changes` are fields of what was measured."""
    target = figures(patch, card)
    if changes:
        target = structs.replace(target, measured=structs.replace(measured(target), **changes))
    judgement: Judgement = module.check(target, run(target.bundle))
    return judgement


def measured(target: Recomputation) -> Measured:
    """What was measured, which a test relies on."""
    assert target.measured is not None
    return target.measured


def with_metric(target: Measured, name: str, **changes: Any) -> Any:
    """The figures with one performance figure changed."""
    metric: Metric = target.figures.metrics[name]
    changed = {**target.figures.metrics, name: structs.replace(metric, **changes)}
    return structs.replace(target.figures, metrics=changed)
