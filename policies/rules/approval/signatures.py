# SPDX-License-Identifier: Apache-2.0
"""Which of the signed approvals are about a bundle, and which of those count: read by every rule of this family.

Signatures were verified when the folder was read. Here an approval counts if it binds every file of the bundle as it
is, if the profile accepts its key, and if it was not decided after the day of the run.
"""

from policies.classification import Tier, strictest_tier
from policies.governance.governance import RefusedApproval, SignedApproval
from policies.rules.judgement import Finding
from policies.run import Run
from policies.targets.bundle import BundleTarget


def model(bundle: BundleTarget) -> str:
    """``model_id@version``."""
    return f"{bundle.card.model_id}@{bundle.card.version}"


def meant(bundle: BundleTarget, run: Run) -> tuple[SignedApproval, ...]:
    """The approvals that speak of this model and version, whatever bytes they bind."""
    return tuple(approval for approval in run.governance.approvals if approval.model == model(bundle))


def refused(bundle: BundleTarget, run: Run) -> tuple[RefusedApproval, ...]:
    """The files in this version's folder of approvals that count for nothing."""
    folder = f"/approvals/{bundle.card.model_id}/{bundle.card.version}/"
    return tuple(item for item in run.governance.refused if folder in item.place.file)


def bound(bundle: BundleTarget) -> dict[str, str]:
    """What an approval of the bundle has to bind: SHA-256 as found, by file."""
    return {"card.yaml": bundle.card_digest, **{file: bundle.digest(file) for file in bundle.files}}


def binds(bundle: BundleTarget, approval: SignedApproval) -> bool:
    """Whether an approval binds every file of the bundle as it is, and nothing else."""
    return approval.subjects == bound(bundle)


def key_accepted(bundle: BundleTarget, approval: SignedApproval, run: Run) -> bool:
    """Whether the profile takes this key for this card; a demonstration key only where it is listed."""
    approver = approval.approver
    if not approver.demonstration or run.profile.any_demonstration_key:
        return True
    return bundle.card_digest in approver.cards


def counted(bundle: BundleTarget, run: Run) -> tuple[SignedApproval, ...]:
    """The approvals that count, one for each person."""
    found: dict[str, SignedApproval] = {}
    for approval in meant(bundle, run):
        if binds(bundle, approval) and key_accepted(bundle, approval, run) and approval.decided <= run.as_of:
            found.setdefault(approval.approver.name, approval)
    return tuple(found.values())


def needed(bundle: BundleTarget) -> int:
    """How many people have to approve: two at tier high, else one."""
    return 2 if strictest_tier(bundle.card) is Tier.HIGH else 1


def none_counts(bundle: BundleTarget, run: Run) -> Finding:
    """What to say where there is no approval that counts."""
    return Finding(
        place=bundle.at("model_id"),  # a folder has no line that a reviewer could be shown
        message=f"nobody whose approval counts has approved {model(bundle)} as it is",
        wanted="an approval of these very files by someone listed in approvers.yaml",
        mend=f"countersign approve {bundle.name} --as NAME --key KEY.pem",
    )
