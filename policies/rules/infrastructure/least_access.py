# SPDX-License-Identifier: Apache-2.0
"""IAC-002: nothing is public, and no role may do anything at all.

## What it checks
Every bucket blocks public access in all four ways and has no public ACL; no bucket policy lets anyone in. No statement
that allows has `*` or a whole service among its actions, says "everything but", or may change things on `*`; only a
key's own policy speaks of `*`, which means the key there, and only what AWS can grant no narrower is allowed on `*`
elsewhere. Roles are assumed by somebody by name: never by anyone, and through OIDC only by one subject and audience,
without a pattern. No administrator or full-access policy is attached. The cluster's API is not open to all addresses,
no security group lets anyone in but to port 443, no database is public. A policy that is not JSON cannot be judged, and
is a finding.

## Why
The sidecar's role may append and read; that is worth something only while no other role may do more.

## Reference
AI Act Article 15(5); GDPR Article 32; POPIA Section 19.

## Fails
A role that any service account of the cluster may take:
```yaml
- type: aws:iam/role:Role
  name: sidecar
  inputs:
    assumeRolePolicy: |
      {"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x"},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringLike": {"x:sub": "system:serviceaccount:*"}}}]}
```
A bucket that is half closed:
```yaml
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {}}
- type: aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock
  name: archive
  inputs:
    bucket: archive
    blockPublicAcls: true
    blockPublicPolicy: false
    ignorePublicAcls: true
    restrictPublicBuckets: true
```

## Passes
```yaml
- type: aws:iam/role:Role
  name: sidecar
  inputs:
    assumeRolePolicy: |
      {"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"x:sub": "system:serviceaccount:ml:sidecar", "x:aud": "sidecar"}}}]}
- type: aws:iam/rolePolicy:RolePolicy
  name: sidecar
  inputs:
    policy: |
      {"Statement": {"Effect": "Allow", "Action": ["dynamodb:PartiQLInsert"],
        "Resource": "arn:aws:dynamodb:eu-west-1:111122223333:table/log"}}
```
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.rules.infrastructure.exposure import exposure
from policies.rules.infrastructure.graph import BUCKETS, KEY, Statement, parts, statements, wrong, yes
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.infra import Infra, Resource

RULE = Rule(
    id="IAC-002",
    title="nothing is public, and no role may do anything at all",
    severity=Severity.HIGH,
    over="infra",
    controls=(Control("eu-ai-act", "Article 15(5)"), Control("gdpr", "Article 32"), Control("popia", "Section 19")),
    remediation=(
        "Name each action and each resource, pin `:sub` and `:aud` with StringEquals in trust policies, and close "
        "buckets with BucketPublicAccessBlock (all four true)."
    ),
)
BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
POLICY_KEYS: Final = ("policy", "assumeRolePolicy")
ON_ANYTHING: Final = frozenset(
    {"cloudwatch:PutMetricData", "ec2:DescribeNetworkInterfaces", "ecr:GetAuthorizationToken", "logs:DescribeLogGroups"}
)
"""Actions that AWS knows no narrower resource for."""
_FULL: Final = re.compile(r"policy/(.*/)?(AdministratorAccess|PowerUserAccess|IAMFullAccess|\w*FullAccess(V2)?)$")
_OWNED: Final = frozenset({KEY, "aws:dynamodb/resourcePolicy:ResourcePolicy", "aws:s3/bucketPolicy:BucketPolicy"})
"""Policies of a resource itself, in which `*` is that resource or its callers are named."""


def check(infra: Infra, run: Run) -> Judgement:
    """Judge buckets, then every policy document, then what is reachable."""
    found = [finding for bucket in infra.of(*BUCKETS) for finding in _bucket(infra, bucket)]
    documents = 0
    for item in infra.resources:
        for key in POLICY_KEYS:
            if item.type.startswith("aws:") and key in item.inputs and item.inputs[key] is not None:
                documents += 1
                found += _document(item, key)
        arn = item.inputs.get("policyArn")
        if isinstance(arn, str) and _FULL.search(arn):
            found.append(wrong(item, "attaches a policy that allows everything", "a policy of its own", arn))
        found += exposure(item)
    return judged(found, verified(f"{documents} policy documents name who may do what"))


def _bucket(infra: Infra, bucket: Resource) -> Iterator[Finding]:
    blocks = list(parts(infra, bucket, "BucketPublicAccessBlock"))
    if not blocks:
        yield wrong(bucket, "may be made public", "BucketPublicAccessBlock with all four true")
    for block in blocks:
        off = [key for key in BLOCKS if not yes(block.inputs.get(key))]
        if off:
            yield wrong(block, "leaves a way to make the bucket public", f"{', '.join(off)} true", ", ".join(off))
    for acl in parts(infra, bucket, "BucketAcl"):
        if str(acl.inputs.get("acl", "private")).startswith(("public", "authenticated")):
            yield wrong(acl, "makes the bucket public", "private", acl.inputs["acl"])


def _document(item: Resource, key: str) -> Iterator[Finding]:
    every = statements(item.inputs[key])
    if every is None:
        seen = str(item.inputs[key])[:60]
        yield wrong(item, "has a policy that cannot be read", "a JSON document, as json_dumps writes it", seen)
        return
    for statement in every:
        if statement.effect not in ("Allow", "Deny"):
            yield wrong(item, "has a statement that neither allows nor denies", "Allow or Deny", statement.effect)
        if statement.effect != "Allow":
            continue
        yield from _trust(item, statement) if key == "assumeRolePolicy" else _grant(item, statement)


def _grant(item: Resource, statement: Statement) -> Iterator[Finding]:
    broad = [action for action in statement.actions if action == "*" or action.endswith(":*")]
    if broad or statement.negated:
        yield wrong(item, "allows more than it names", "each action by name", ", ".join(broad) or "all but something")
    if "*" in statement.principals and not statement.conditions:
        yield wrong(item, "lets anyone in", "principals by name", "*")
    if item.type in _OWNED or "*" not in statement.resources:
        return
    beyond = sorted(set(statement.actions) - ON_ANYTHING)
    if beyond:
        yield wrong(item, "allows on every resource what can be allowed on one", "resources by ARN", ", ".join(beyond))


def _trust(item: Resource, statement: Statement) -> Iterator[Finding]:
    if not statement.principals or "*" in statement.principals or statement.negated:
        yield wrong(item, "may be assumed by anyone", "principals by name", ", ".join(statement.principals) or None)
    if "sts:AssumeRoleWithWebIdentity" not in statement.actions:
        return
    equal = statement.conditions.get("StringEquals")
    pinned: dict[str, Any] = equal if isinstance(equal, dict) else {}
    for claim in (":sub", ":aud"):
        values = [value for key, value in pinned.items() if key.endswith(claim)]
        if not any(isinstance(value, str) and value and "*" not in value for value in values):
            wanted = f"StringEquals on {claim} with one value"
            yield wrong(item, f"does not pin {claim} of the token that may assume it", wanted, values or None)
