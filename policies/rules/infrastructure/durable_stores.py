# SPDX-License-Identifier: Apache-2.0
"""IAC-001: what keeps evidence is encrypted, versioned, locked, and protected from being deleted.

## What it checks
Every bucket is versioned, encrypted, made with Object Lock, not to be emptied by a teardown, and either locks each
object by default in COMPLIANCE mode or refuses objects without it by policy. Every DynamoDB table is encrypted with a
key of its own, protected from deletion, and restorable to a point in time, except for the payload table, whose erased
rows must stay erased. Every database is encrypted, backed up and protected. Keys rotate where they can, and wait before
they go. The cluster encrypts its secrets and keeps its audit log. A graph that keeps nothing is a finding.

## Why
A log that its operator can delete proves nothing to anyone. Versioning without a lock, and a lock in GOVERNANCE mode,
look the same in a list of settings, and are not.

## Reference
AI Act Articles 18 and 19; GDPR Article 32. AWS: S3 Object Lock, DynamoDB deletion protection, KMS key rotation.

## Fails
A lock that whoever has the right may take off, on a bucket that is not versioned:
```yaml
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {objectLockEnabled: true}}
- type: aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration
  name: archive
  inputs: {bucket: archive, rule: {defaultRetention: {mode: GOVERNANCE, days: 365}}}
```
A table that anyone with the right may drop:
```yaml
- type: aws:dynamodb/table:Table
  name: log
  inputs: {serverSideEncryption: {enabled: true, kmsKeyArn: key}, pointInTimeRecovery: {enabled: true}}
```

## Passes
```yaml
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {objectLockEnabled: true}}
- type: aws:s3/bucketVersioning:BucketVersioning
  name: archive
  inputs: {bucket: archive, versioningConfiguration: {status: Enabled}}
- type: aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration
  name: archive
  inputs: {bucket: archive, rules: [{applyServerSideEncryptionByDefault: {sseAlgorithm: "aws:kms"}}]}
- type: aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration
  name: archive
  inputs: {bucket: archive, rule: {defaultRetention: {mode: COMPLIANCE, days: 3650}}}
```
"""

from collections.abc import Iterator
from typing import Final

from policies.place import Place
from policies.rules.infrastructure.graph import (
    BUCKETS,
    CLUSTER,
    DATABASES,
    KEY,
    TABLE,
    get,
    parts,
    statements,
    whole,
    wrong,
    yes,
)
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.infra import Infra, Resource

RULE = Rule(
    id="IAC-001",
    title="what keeps evidence is encrypted, versioned, locked, and protected from being deleted",
    severity=Severity.HIGH,
    over="infra",
    controls=(Control("eu-ai-act", "Article 18"), Control("eu-ai-act", "Article 19"), Control("gdpr", "Article 32")),
    remediation=(
        "Add to the bucket: BucketVersioning(status Enabled), BucketServerSideEncryptionConfiguration, "
        "object_lock_enabled=True with a COMPLIANCE lock; to the table: deletion_protection_enabled=True, "
        "server_side_encryption, point_in_time_recovery."
    ),
)
PAYLOAD: Final = "payload"
LEAST_BACKUP: Final = 7
LEAST_WINDOW: Final = 7


def check(infra: Infra, run: Run) -> Judgement:
    """Judge each store by everything that the graph says of it."""
    found: list[Finding] = []
    stores = infra.of(*BUCKETS, TABLE, *DATABASES)
    if not stores:
        wanted = "a bucket, a table or a database for evidence"
        found.append(Finding(place=Place(infra.name), message="the program makes nothing that keeps", wanted=wanted))
    for bucket in infra.of(*BUCKETS):
        found += [*_bucket(infra, bucket), *_lock(infra, bucket)]
    for kind, judge in ((TABLE, _table), (KEY, _key), (CLUSTER, _cluster)):
        found += [finding for item in infra.of(kind) for finding in judge(item)]
    found += [finding for item in infra.of(*DATABASES) for finding in _database(item)]
    return judged(found, verified(f"{len(stores)} stores are encrypted, locked or protected"))


def _bucket(infra: Infra, bucket: Resource) -> Iterator[Finding]:
    versioning = [get(item.inputs, "versioningConfiguration", "status") for item in _about(infra, bucket, "Versioning")]
    if versioning != ["Enabled"]:
        yield wrong(bucket, "is not versioned", "BucketVersioning with status Enabled", versioning or None)
    encryption = list(_about(infra, bucket, "ServerSideEncryptionConfiguration"))
    rules = [rule for item in encryption for rule in get(item.inputs, "rules") or []]
    ciphers = [get(rule, "applyServerSideEncryptionByDefault", "sseAlgorithm") for rule in rules]
    if not ciphers or not all(cipher in ("aws:kms", "aws:kms:dsse", "AES256") for cipher in ciphers):
        yield wrong(bucket, "is not encrypted", "sseAlgorithm aws:kms", ciphers or None)
    if yes(bucket.inputs.get("forceDestroy")):
        yield wrong(bucket, "is emptied when the stack is torn down", "forceDestroy false", True)


def _lock(infra: Infra, bucket: Resource) -> Iterator[Finding]:
    """By default for each object, or by a policy that refuses objects without it."""
    if not yes(bucket.inputs.get("objectLockEnabled")):
        yield wrong(
            bucket, "is made without Object Lock", "object_lock_enabled=True", bucket.inputs.get("objectLockEnabled")
        )
        return
    defaults = [
        get(item.inputs, "rule", "defaultRetention") for item in _about(infra, bucket, "ObjectLockConfiguration")
    ]
    modes = [get(default, "mode") for default in defaults if default is not None]
    kept = [(whole(get(item, "days")) or 0) + 365 * (whole(get(item, "years")) or 0) for item in defaults]
    if any(mode != "COMPLIANCE" for mode in modes):
        yield wrong(
            bucket, "locks objects in a mode that can be taken off", "mode COMPLIANCE", ", ".join(map(str, modes))
        )
    elif not modes and not _refuses_unlocked(infra, bucket):
        yield wrong(
            bucket, "does not lock what is put into it", "a default retention, or a policy that refuses the rest"
        )
    elif modes and max(kept) < 1:
        yield wrong(bucket, "locks objects for no time", "days or years of retention", kept)


def _refuses_unlocked(infra: Infra, bucket: Resource) -> bool:
    for item in _about(infra, bucket, "Policy"):
        for statement in statements(item.inputs.get("policy")) or []:
            asked = [
                conditions.get("s3:object-lock-mode")
                for operator, conditions in statement.conditions.items()
                if operator in ("StringNotEquals", "StringNotEqualsIfExists") and isinstance(conditions, dict)
            ]
            denies = statement.effect == "Deny" and "*" in statement.principals and not statement.negated
            if denies and "s3:PutObject" in statement.actions and "COMPLIANCE" in asked:
                return True
    return False


def _about(infra: Infra, bucket: Resource, part: str) -> Iterator[Resource]:
    return parts(infra, bucket, f"Bucket{part}")


def _table(table: Resource) -> Iterator[Finding]:
    encryption = table.inputs.get("serverSideEncryption")
    if not yes(get(encryption, "enabled")) or not get(encryption, "kmsKeyArn"):
        yield wrong(table, "is not encrypted with a key of ours", "server_side_encryption with a key", encryption)
    if not yes(table.inputs.get("deletionProtectionEnabled")):
        seen = table.inputs.get("deletionProtectionEnabled")
        yield wrong(table, "can be deleted", "deletion_protection_enabled=True", seen)
    payload = table.name.endswith(PAYLOAD)
    recovery = table.inputs.get("pointInTimeRecovery")
    if not payload and not yes(get(recovery, "enabled")):
        yield wrong(table, "cannot be restored to a point in time", "point_in_time_recovery enabled", recovery)


def _key(key: Resource) -> Iterator[Finding]:
    signs = str(key.inputs.get("keyUsage") or "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT"
    if not signs and not yes(key.inputs.get("enableKeyRotation")):
        yield wrong(key, "is never rotated", "enable_key_rotation=True", key.inputs.get("enableKeyRotation"))
    window = key.inputs.get("deletionWindowInDays", 30)
    if (whole(window) or 0) < LEAST_WINDOW:
        yield wrong(key, "is gone at once when it is deleted", f"at least {LEAST_WINDOW} days", window)


def _cluster(cluster: Resource) -> Iterator[Finding]:
    if "secrets" not in (get(cluster.inputs, "encryptionConfig", "resources") or []):
        yield wrong(cluster, "keeps secrets as they are", "encryption_config with resources [secrets]")
    logs = cluster.inputs.get("enabledClusterLogTypes") or []
    if "audit" not in logs:
        yield wrong(cluster, "keeps no audit log", "enabled_cluster_log_types with audit", logs or None)


def _database(database: Resource) -> Iterator[Finding]:
    for key in ("storageEncrypted", "deletionProtection"):
        if not yes(database.inputs.get(key)):
            yield wrong(database, f"is made without {key}", f"{key} true", database.inputs.get(key))
    days = database.inputs.get("backupRetentionPeriod")
    if (whole(days) or 0) < LEAST_BACKUP:
        yield wrong(database, "is not backed up for long", f"at least {LEAST_BACKUP} days", days)
    if yes(database.inputs.get("skipFinalSnapshot")):
        yield wrong(database, "leaves nothing behind when it goes", "skip_final_snapshot=False", True)
