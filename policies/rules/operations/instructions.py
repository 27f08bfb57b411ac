# SPDX-License-Identifier: Apache-2.0
"""OPS-006: instructions for use exist, and are about this model and this version.

## What it checks
`instructions_for_use` names an evidence file of the bundle that is UTF-8 text of at least 100 words and names the
model's id and version; or it is an https address, which is not fetched.

## Why
Whoever uses the answers has to know what they mean and when they are wrong. Instructions of another version say it of
another model.

## Reference
AI Act Article 13(2): instructions for use come with the system. ISO/IEC 42001 A.8.2: information for users.

## Fails
Nothing is linked, the link is a placeholder, or the file is about something else.
```yaml
instructions_for_use: null
```
```yaml
instructions_for_use: see the wiki
```
```yaml
instructions_for_use: evidence/labels.csv
```

## Passes
The reference card as it is, with the instructions in its bundle.
```yaml
{}
```
```yaml
instructions_for_use: https://example.org/models/telco-watson/1.0.0/instructions
```
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.rules.answers import finding
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="OPS-006",
    title="instructions for use exist, and are about this model and this version",
    severity=Severity.MEDIUM,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 13(2)"),
        Control("iso-42001", "A.8.2"),
    ),
    remediation="Put the instructions into the bundle, list them as evidence and link them:\n\n"
    "+ instructions_for_use: evidence/instructions-for-use.md",
)
_PATH: Final = ("instructions_for_use",)
_ADDRESS: Final = re.compile(r"https://[\w.-]+\.[a-z]{2,}(?:[/?#]\S*)?", re.IGNORECASE)
LEAST_WORDS: Final = 100


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """A file is read; whether people understand it is for them to say."""
    link = bundle.card.instructions_for_use
    if link is None:
        return failed(finding(bundle, _PATH, "instructions_for_use is missing", "a file of the bundle"))
    if _ADDRESS.fullmatch(link):
        return self_reported(f"linked, not read: {link}")
    if link not in {item.file for item in bundle.card.evidence or ()}:
        message = "instructions_for_use is no evidence file of the bundle"
        return failed(finding(bundle, _PATH, message, "a file listed under evidence, or an https address", link))
    return judged(_about(bundle, link), verified(f"{link} names {bundle.card.model_id} {bundle.card.version}"))


def _about(bundle: BundleTarget, file: str) -> Iterator[Finding]:
    text = bundle.files[file].decode("utf-8", "replace")
    if len(re.findall(r"[^\W\d_]{2,}", text)) < LEAST_WORDS:
        yield finding(bundle, _PATH, f"{file} holds too few words to be instructions", f"{LEAST_WORDS} or more", file)
    for name in (bundle.card.model_id, bundle.card.version):
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\d)", text) is None:
            yield finding(bundle, _PATH, f"{file} does not name {name}", f"instructions that name {name}", file)
