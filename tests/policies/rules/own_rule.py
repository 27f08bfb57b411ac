# SPDX-License-Identifier: Apache-2.0
"""A rule of a team's own as text, whole or with one thing wrong, and a folder to put it in."""

from pathlib import Path
from typing import Final

DOCSTRING: Final = '''"""TEAM-001: the model has a name.

## What it checks
The card has a name.
## Why
People talk about it.
## Reference
Our own policy.
## Fails
No name:
```yaml
name: null
```
## Passes
A name:
```yaml
{}
```
"""
'''
CONSTANT: Final = """
from policies.rules.judgement import Finding, failed, verified
from policies.rules.rule import Control, Rule, Severity

RULE = Rule(
    id="TEAM-001",
    title="the model has a name",
    severity=Severity.HIGH,
    over="bundle",
    controls=(Control("nist-ai-rmf", "GOVERN 1.6"),),
    remediation="Name it.",
)
"""
CHECK: Final = """

def check(bundle, run):
    if bundle.card.name is None:
        return failed(Finding(place=bundle.at("name"), message="name is missing", wanted="a name"))
    return verified("it is called " + bundle.card.name)
"""
WHOLE: Final = DOCSTRING + CONSTANT + CHECK


def write(folder: Path, text: str = WHOLE, name: str = "name.py") -> Path:
    """A folder with the rule in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder
