# SPDX-License-Identifier: Apache-2.0
"""Asks `iam-simulate`, in a process of its own, what AWS would decide, and what there is to decide.

It weighs identity policies, the resource's own policy and their conditions as AWS documents. What it leaves out, so
that nothing here speaks of it:

- it decides requests and makes none: which permissions a call needs is written down by us (`recorded.py`), from AWS's
  service authorization reference;
- a condition key that its data does not know for an action is dropped, and the issuer's own keys in trust policies
  are such keys: `test_trust.py` decides those;
- Object Lock, deletion protection and Block Public Access are no policies: what they refuse is not refused here;
- whether PutResourcePolicy and PutKeyPolicy take a document, and which actions DynamoDB weighs a table's policy for;
- organisations' policies, permission boundaries, session and endpoint policies: the program makes none of them;
- what AWS's managed policies hold (control plane, nodes, Container Insights), for they are AWS's to change;
- 404 or 403 for an object that is not there, which turns on s3:ListBucket.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from infra_pulumi.iam.document import Document
from tests.conformance.outside import outside
from tests.infra_pulumi.iam.documents import ACCOUNT

SECONDS = 120


class Row(NamedTuple):
    """A request. ``identity`` and ``guard`` name policies of the question."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str]
    identity: str
    guard: str | None
    account: str = ACCOUNT
    """Whose the resource is."""


class Action(NamedTuple):
    """What may be decided: ``on`` are the kinds of resource it takes, none for an action on nothing in particular."""

    level: str
    on: tuple[str, ...]

    @property
    def mutates(self) -> bool:
        """Whether it writes, tags or manages permissions."""
        return "Write" in self.level


class Service(NamedTuple):
    """One service: its actions by full name, and the ARN of each kind of resource with ``${Placeholders}``."""

    actions: Mapping[str, Action]
    resources: Mapping[str, str]


@lru_cache
def catalogue(services: tuple[str, ...]) -> Mapping[str, Service]:
    """What AWS's services know, as the simulator's data has it."""
    return {
        name: Service(
            {action: Action(one["level"], tuple(one["on"])) for action, one in known["actions"].items()},
            known["resources"],
        )
        for name, known in _ask({"services": services}).items()
    }


def decide(policies: Mapping[str, Document], rows: Sequence[Row]) -> list[str]:
    """``allowed``, ``denied`` (nobody permits it) or ``forbidden`` (a statement denies it), row by row."""
    decisions: list[str] = _ask({"policies": policies, "rows": [_question(row) for row in rows]})
    assert len(decisions) == len(rows)
    undecided = {
        f"{row.action} on {row.resource}: {said}"
        for row, said in zip(rows, decisions, strict=True)
        if said.startswith("undecided")
    }
    assert not undecided, sorted(undecided)[:20]
    return decisions


def _question(row: Row) -> dict[str, Any]:
    identity = [row.identity] if row.identity else []
    return {**row._asdict(), "identity": identity, "context": {**row.context, "aws:PrincipalArn": row.principal}}


def _ask(question: Mapping[str, Any]) -> Any:
    finished = subprocess.run(
        ["node", str(outside("simulate.js"))],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
