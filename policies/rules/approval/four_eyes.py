# SPDX-License-Identifier: Apache-2.0
"""APPR-001: someone who did not make the model has approved it.

## What it checks
At least one approval of the bundle counts: its signature is by the key of a listed approver, whom it names. Nobody who
approved is an owner on the card. Where the repository is a target of the run, nobody who approved is author or
committer of a commit that changed the bundle. Approvals in the version's folder that could not be verified are
findings, as are demonstration keys that the profile does not accept for this card.

## Why
A name on a card is only text. Whoever trained a model is the wrong person to find its faults, and a signature is what
ties the decision to someone else. A commit's author can be faked; a pull request under review and signed commits make
that harder, and an approver's identities are listed under review too.

## Reference
AI Act Article 17(1)(m) asks for an accountability framework in the quality management system. NIST AI RMF GOVERN 2.1
asks for documented roles. ISO/IEC 42001 A.3.2 asks for roles and responsibilities. SR 26-2 keeps effective challenge
by people who have standing and took no part.

## Fails
Nobody has approved:
```yaml
bundle: {}
governance: {}
```
The one who approves is an owner on the card:
```yaml
owners:
  - duty: answers for the model and its card
    holder: model risk
```
The one who approves made the last commit of the card:
```yaml
bundle: {}
repository:
  history:
    models/telco-watson/1.0.0/card.yaml:
      - sha: "2222222222222222222222222222222222222222"
        author: model.risk@example.org
        committer: noreply@example.org
        time: 2026-11-20T10:00:00Z
```

## Passes
The same history, by someone else:
```yaml
bundle: {}
repository:
  history:
    models/telco-watson/1.0.0/card.yaml:
      - sha: "2222222222222222222222222222222222222222"
        author: trainer@example.org
        committer: noreply@example.org
        time: 2026-11-20T10:00:00Z
```
"""

from collections.abc import Iterator

from policies.governance.governance import SignedApproval
from policies.place import Place
from policies.rules.approval.signatures import counted, key_accepted, meant, model, none_counts, refused
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget
from policies.targets.repository import Repository

RULE = Rule(
    id="APPR-001",
    title="someone who did not make the model has approved it",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(
        Control("eu-ai-act", "Article 17(1)(m)"),
        Control("nist-ai-rmf", "GOVERN 2.1"),
        Control("iso-42001", "A.3.2"),
        Control("sr-26-2", "effective challenge"),
    ),
    remediation="Have someone approve it who is listed in approvers.yaml and neither owns nor changed the bundle:\n"
    "countersign approve models/<id>/<version> --as NAME --key KEY.pem",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Look at who approved, and at who made what they approved."""
    names = ", ".join(approval.approver.name for approval in counted(bundle, run))
    looked = "no commit of theirs" if run.repository is not None else "Git was not looked at"
    return judged(_findings(bundle, run), verified(f"approved by {names}; {looked}, no owner on the card"))


def _findings(bundle: BundleTarget, run: Run) -> Iterator[Finding]:
    for item in refused(bundle, run):
        yield Finding(
            place=item.place,
            message=f"the approval counts for nothing: it {item.reason}",
            seen=item.place.file,
            wanted="an envelope signed by the listed approver whom it names",
            mend="have it approved again, and remove this file",
        )
    for approval in meant(bundle, run):
        if not key_accepted(bundle, approval, run):
            yield _demonstration(bundle, approval, run)
    found = counted(bundle, run)
    if not found:
        yield none_counts(bundle, run)
    commits = [] if run.repository is None else _commits(bundle, run.repository)
    if found and run.repository is not None and not commits:
        yield _uncommitted(bundle)
    for approval in found:
        yield from _owner(bundle, approval)
        if run.repository is not None:
            yield from _author(approval, commits)


def _demonstration(bundle: BundleTarget, approval: SignedApproval, run: Run) -> Finding:
    return Finding(
        place=approval.approver.place,
        message=f"{approval.approver.name!r} has a demonstration key, which profile {run.profile.name} "
        "accepts for listed cards only",
        seen=f"{model(bundle)}, card {bundle.card_digest}",
        wanted="an approval by a person's key, or this card's digest under `cards` beside the key",
    )


def _owner(bundle: BundleTarget, approval: SignedApproval) -> Iterator[Finding]:
    approver = approval.approver
    names = {plain(approver.name), *approver.identities}
    for number, owner in enumerate(bundle.card.owners or ()):
        if names & {plain(owner.holder), owner.holder.casefold(), (owner.contact or "").casefold()}:
            yield Finding(
                place=bundle.at("owners", number, "holder"),
                message=f"{approver.name!r} approves what they own",
                seen=owner.holder,
                wanted="an approver who is no owner of the model",
            )


def _uncommitted(bundle: BundleTarget) -> Finding:
    return Finding(
        place=bundle.at("model_id"),
        message="the repository has no commit of this bundle, so nobody knows who made it",
        wanted="a bundle that is committed",
        mend="commit the bundle, then have it approved",
    )


def _author(approval: SignedApproval, commits: list[tuple[str, str, str]]) -> Iterator[Finding]:
    approver = approval.approver
    if not approver.identities:
        yield Finding(
            place=approver.place,
            message=f"{approver.name!r} has no identities, so commits of theirs could not be told",
            wanted="the e-mail addresses that they commit under",
        )
    for sha, path, person in commits:
        if person in approver.identities:
            yield Finding(
                place=Place(path),
                message=f"{approver.name!r} approves what they committed",
                seen=f"{person} in commit {sha[:12]}",
                wanted="an approver without a commit in the bundle",
            )


def _commits(bundle: BundleTarget, repository: Repository) -> list[tuple[str, str, str]]:
    """Commit, path and person of everything that ever happened to the files of the bundle."""
    folder = f"/{bundle.card.model_id}/{bundle.card.version}/"
    return [
        (commit.sha, path, person)
        for path, history in sorted(repository.history.items())
        if folder in f"/{path}"
        for commit in history
        for person in dict.fromkeys((commit.author, commit.committer))
    ]
