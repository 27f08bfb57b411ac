# SPDX-License-Identifier: Apache-2.0
"""APPR-003: at tier high two people have approved, one of them from independent validation.

## What it checks
At tier high, and where the tier cannot be read, approvals of two different people count, and at least one of them holds
the duty `independent validation` in approvers.yaml. Below tier high one approval is enough, and APPR-001 asks for it.

## Why
Where a mistake is dear, one person's judgement is too little, and validation that took part in the building is none.

## Reference
SR 26-2 keeps validation that is independent of development, with rigour by materiality. ISO/IEC 42001 A.3.2 asks for
roles and responsibilities.

## Fails
At tier high nobody has approved:
```yaml
bundle:
  governance_tier: High Risk
governance: {}
```
The tier is missing, and so counts as high:
```yaml
bundle:
  governance_tier: null
governance: {}
```

## Passes
Model risk and independent validation have both approved:
```yaml
governance_tier: High Risk
```
"""

from collections.abc import Iterator
from typing import Final

from policies.governance.governance import SignedApproval
from policies.rules.approval.signatures import counted, model, needed, none_counts
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="APPR-003",
    title="at tier high two people have approved, one of them from independent validation",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("sr-26-2", "validation"),
        Control("sr-26-2", "materiality"),
        Control("iso-42001", "A.3.2"),
    ),
    remediation="Have someone from independent validation and one more person approve the bundle:\n"
    "countersign approve models/<id>/<version> --as NAME --key KEY.pem",
)

_VALIDATION: Final = "independent validation"


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Count people and look at their duties."""
    if needed(bundle) == 1:
        return not_applicable("the tier is below high, where one approval is enough")
    found = counted(bundle, run)
    names = ", ".join(f"{approval.approver.name} ({approval.approver.duty})" for approval in found)
    return judged(_findings(bundle, run, found), verified(f"approved by {names}"))


def _findings(bundle: BundleTarget, run: Run, found: tuple[SignedApproval, ...]) -> Iterator[Finding]:
    if not found:
        yield none_counts(bundle, run)
    if len(found) == 1:
        yield Finding(
            place=found[0].place,
            message=f"only {found[0].approver.name!r} has approved {model(bundle)}",
            seen="1 approval that counts",
            wanted="2, by two people",
        )
    if found and all(approval.approver.duty != _VALIDATION for approval in found):
        yield Finding(
            place=found[0].place,
            message="nobody from independent validation has approved",
            seen=", ".join(sorted({approval.approver.duty for approval in found})),
            wanted=f"an approver with the duty {_VALIDATION!r}",
        )
