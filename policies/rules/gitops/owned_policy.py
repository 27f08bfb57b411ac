# SPDX-License-Identifier: Apache-2.0
"""GIT-005: nobody changes the gate, or what it lets pass, without its owners, and this run used the committed one.

## What it checks
Every file below `policies/`, `governance/`, `models/` and `.github/` that ever was in the history, and any that may
come (a made-up name in each folder), belongs to somebody by the last line of CODEOWNERS that matches it; so does
CODEOWNERS itself. None of these files differs from the commit that is checked out. Two things are left to others: that
the platform asks code owners for review, and that the rules are the approved ones, which the verdict's digest says.

## Why
Whoever can edit a rule, a waiver or the workflow can pass any gate. A line further down that names nobody takes the
protection away, and looks like any other line.

## Reference
AI Act Article 17: a quality management system with responsibilities. GitHub, "About code owners".

## Fails
The last line that matches the waivers names nobody:
```yaml
code_owners_file: .github/CODEOWNERS
code_owners:
  - {pattern: "*", owners: ["@org/risk"], line: 1}
  - {pattern: "/governance/waivers.yaml", owners: [], line: 2}
```
A rule that was changed and not committed:
```yaml
code_owners_file: .github/CODEOWNERS
code_owners: [{pattern: "*", owners: ["@org/risk"], line: 1}]
dirty: [policies/rules/card/schema.py]
```

## Passes
```yaml
code_owners_file: .github/CODEOWNERS
code_owners:
  - {pattern: "/policies/", owners: ["@org/risk"], line: 1}
  - {pattern: "/governance/", owners: ["@org/risk"], line: 2}
  - {pattern: "/models/", owners: ["@org/ml"], line: 3}
  - {pattern: "/.github/", owners: ["@org/platform"], line: 4}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.place import Place
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.code_owners import PLACES, owning_line
from policies.targets.repository import Repository

RULE = Rule(
    id="GIT-005",
    title="nobody changes the gate, or what it lets pass, without its owners, and this run used the committed one",
    severity=Severity.CRITICAL,
    over="repository",
    waivable=False,
    controls=(Control("eu-ai-act", "Article 17"), Control("nist-ai-rmf", "GOVERN 2.1")),
    remediation=(
        "Give each folder an owner in .github/CODEOWNERS: + /policies/ @org/team  + /governance/ @org/team  "
        "+ /models/ @org/team  + /.github/ @org/team; commit what differs."
    ),
)
FOLDERS: Final = (".github/", "governance/", "models/", "policies/")
LIKELY: Final = (
    ".github/workflows/gate.yml", "governance/approvers.yaml", "governance/waivers.yaml", "models/any/1.0.0/card.yaml",
    "policies/rules/any/rule.py",
)  # fmt: skip
"""Paths that have to be owned before they are there."""


def check(repository: Repository, run: Run) -> Judgement:
    """Ask for the owner of every path that decides, and whether any of them differs from the commit."""
    file = repository.code_owners_file
    if file is None:
        nothing = Finding(
            place=Place(PLACES[0]), message="there is no CODEOWNERS", wanted="owners of every path that decides"
        )
        return judged([nothing, *_dirty(repository)], verified(""))
    paths = sorted({*LIKELY, file, *(path for path in repository.history if path.startswith(FOLDERS))})
    found = [*_unowned(repository, file, paths), *_dirty(repository)]
    return judged(found, verified(f"{len(paths)} paths have an owner, and none differs from the commit"))


def _unowned(repository: Repository, file: str, paths: list[str]) -> Iterator[Finding]:
    said: set[tuple[int, str]] = set()
    for path in paths:
        line = owning_line(repository.code_owners, path)
        if line is not None and line.owners:
            continue
        folder = path.partition("/")[0]
        number = 1 if line is None else line.line
        # One line that names nobody is one mistake, however many files it uncovers.
        if (number, folder) not in said:
            said.add((number, folder))
            yield Finding(
                place=Place(file, number),
                message=f"{path} belongs to nobody" + ("" if line is None else f" by the line for {line.pattern}"),
                seen=None if line is None else line.pattern,
                wanted="a user, a team or an address behind the pattern",
            )


def _dirty(repository: Repository) -> Iterator[Finding]:
    for path in repository.dirty:
        if path.startswith(FOLDERS) or path in PLACES:
            yield Finding(
                place=Place(path),
                message=f"{path} differs from the commit that is checked out",
                seen="changed or not tracked",
                wanted=f"the file as in {repository.head[:12]}",
                mend="commit it, or restore it",
            )
