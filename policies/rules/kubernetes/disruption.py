# SPDX-License-Identifier: Apache-2.0
"""Whether a drained node takes too many pods at once, or can never be drained."""

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding
from policies.rules.kubernetes.pods import Pod, selects, together
from policies.rules.kubernetes.scaling import SCALED, least_replicas
from policies.targets.manifest import Manifest
from policies.targets.manifests import Manifests

_SHARE: Final = re.compile(r"(\d{1,3})%")


def disruption(manifests: Manifests, pod: Pod) -> Iterator[Finding]:
    """Findings on the budgets of a workload with several pods; a single pod has nothing to share out."""
    least = least_replicas(manifests, pod)
    if pod.owner.kind not in SCALED or least < 2:
        return
    budgets = [
        item
        for item in manifests.of("PodDisruptionBudget")
        if together(item, pod.owner) and selects(item.get("spec", "selector"), pod.labels)
    ]
    if not budgets:
        yield Finding(
            place=pod.owner.at("metadata", "name"),
            message=f"no PodDisruptionBudget selects the pods of {pod.title}",
            wanted="one whose selector matches the pod's labels",
            mend="add a PodDisruptionBudget with maxUnavailable: 1",
        )
    if len(budgets) > 1:
        yield Finding(
            place=budgets[1].at("spec", "selector"),
            message=f"two PodDisruptionBudgets select the pods of {pod.title}, and then neither lets them be evicted",
            seen=", ".join(budget.name for budget in budgets),
            wanted="one",
        )
    for budget in budgets:
        yield from _budget(budget, least)


def _budget(budget: Manifest, least: int) -> Iterator[Finding]:
    spec = budget.mapping("spec")
    given = [key for key in ("minAvailable", "maxUnavailable") if key in spec]
    if len(given) != 1:
        yield Finding(
            place=budget.at("spec", *given[1:]),
            message=f"the budget {budget.name} sets {' and '.join(given) or 'nothing'}",
            seen=" and ".join(given) or None,
            wanted="maxUnavailable: 1",
        )
        return
    (key,) = given
    number = _number(spec[key], least)
    gone = None if number is None else least - number if key == "minAvailable" else number
    if gone is None or not 0 < gone < least:
        why = "is no number" if gone is None else "lets no pod go" if gone <= 0 else "lets all pods go"
        yield Finding(
            place=budget.at("spec", key),
            message=f"the budget {budget.name} {why}",
            seen=f"{key}: {spec[key]}",
            wanted=f"between 1 and {least - 1} of {least} pods may go",
            mend="maxUnavailable: 1",
        )


def _number(value: Any, of: int) -> int | None:
    """How many pods a number or a share of them is; Kubernetes rounds shares up."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    share = _SHARE.fullmatch(value) if isinstance(value, str) else None
    return -(-int(share[1]) * of // 100) if share else None
