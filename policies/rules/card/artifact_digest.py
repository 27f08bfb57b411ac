# SPDX-License-Identifier: Apache-2.0
"""CARD-003: every file of the bundle is the one that the card names.

## What it checks
The SHA-256 of the artifact, computed from its bytes, is the one on the card; so are those of the explanation and of
every evidence file.

## Why
Every figure, every approval and every verdict is about these bytes. If they are others, all of it is about another
model.

## Reference
AI Act Article 15(5): resilience against those who try to alter a system through what it is made of. NIST AI RMF MEASURE
2.7: security and resilience are evaluated.

## Fails
The digest on the card is not that of the file, whichever of the two was changed.
```yaml
artifact:
  sha256: "0000000000000000000000000000000000000000000000000000000000000000"
```

## Passes
The reference card as it is, beside the files it was released with.
```yaml
{}
```
"""

from collections.abc import Iterator

from policies.rules.answers import Path, finding
from policies.rules.judgement import Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="CARD-003",
    title="every file of the bundle is the one that the card names",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(
        Control("eu-ai-act", "Article 15(5)"),
        Control("nist-ai-rmf", "MEASURE 2.7"),
        Control("iso-42001", "A.6.2.7"),
    ),
    remediation="Restore the released file, or train the bundle again and have the new card approved. Do not copy the "
    "new digest onto the card: its figures are about the old bytes.",
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Every file was read once, and what was read is what is digested here."""
    pinned = tuple(_pinned(bundle))
    findings = [
        finding(
            bundle, path, f"{file} is not the file that the card was written for", bundle.digest(file), digest,
            "restore the released file, or train the bundle again",
        )
        for path, file, digest in pinned
        if bundle.digest(file) != digest
    ]  # fmt: skip
    return judged(findings, verified(f"SHA-256 of {len(pinned)} files computed and found on the card"))


def _pinned(bundle: BundleTarget) -> Iterator[tuple[Path, str, str]]:
    card = bundle.card
    yield ("artifact", "sha256"), card.artifact.file, card.artifact.sha256
    if card.explanation is not None:
        yield ("explanation", "sha256"), card.explanation.file, card.explanation.sha256
    for number, item in enumerate(card.evidence or ()):
        yield ("evidence", number, "sha256"), item.file, item.sha256
