# SPDX-License-Identifier: Apache-2.0
"""The dashboard of whether every answer has its record, and every record its place in the log."""

from typing import Final

from contracts import metrics as m
from scripts.panel import OF_RELEASE, RATE, Dashboard, Panel, Query, increase, largest, quantiles, rate_by, since, stat

EVIDENCE: Final = Dashboard(
    "evidence",
    "Countersign: evidence",
    "Whether every answer has its record, and every record its place in the log.",
    False,
    (
        stat(
            "Slowest of 100 exports",
            "99 of 100 exports are durable within this time, over 5 minutes.",
            "s",
            f"max(job:countersign_evidence_commit_seconds:p99_rate5m{{{OF_RELEASE}}})",
        ),
        stat(
            "Answers withheld",
            "In the time shown; callers got 503.",
            "short",
            f"sum(increase({m.ANSWERS_WITHHELD}{{{OF_RELEASE}}}[$__range]))",
        ),
        stat(
            "Records missing",
            "Named by gap records, in the time shown. Anything but 0 is an incident.",
            "short",
            f"sum(increase({m.AUDIT_MISSING}{{{OF_RELEASE}}}[$__range]))",
        ),
        stat(
            "Not covered",
            "Leaves that no checkpoint covers yet; a second's worth is normal.",
            "short",
            f"max({m.AUDIT_TREE_SIZE}{{{OF_RELEASE}}}) - max({m.AUDIT_CHECKPOINT_SIZE}{{{OF_RELEASE}}})",
        ),
        Panel(
            "Records acknowledged",
            "As services count and as sidecars count; strangers' spans are in the second alone.",
            "ops",
            (
                Query(f"sum(rate({m.EVIDENCE_ACKNOWLEDGED}{{{OF_RELEASE}}}{RATE}))", "services"),
                Query(f"sum(rate({m.AUDIT_ACKNOWLEDGED}{{{OF_RELEASE}}}{RATE}))", "sidecars"),
            ),
        ),
        Panel(
            "Answers withheld by reason",
            "refused: before predicting; deadline: too late; failed: the stream cannot go on.",
            "ops",
            (rate_by(m.ANSWERS_WITHHELD, "reason"),),
        ),
        Panel(
            "Must stay at 0",
            "Gaps, conflicts, records that do not match, witnesses that disagree.",
            "short",
            (
                increase(m.AUDIT_GAPS, "gaps"),
                increase(m.AUDIT_CONFLICTS, "conflicts"),
                increase(m.AUDIT_VERIFY_FAILURES, "unverifiable"),
                increase(m.AUDIT_WITNESS_DISAGREEMENTS, "witnesses disagree"),
            ),
        ),
        Panel(
            "Until it is durable",
            "An export as the service sees it. Answers are withheld from 2 s on. A point is one record.",
            "s",
            quantiles(m.EVIDENCE_COMMIT),
            width=12,
            exemplars=True,
        ),
        Panel(
            "Commits",
            "One commit as the sidecar sees it: what the store takes.",
            "s",
            quantiles(m.AUDIT_COMMIT),
            width=12,
        ),
        Panel(
            "Records per commit",
            "All that waits is made durable together, so load makes groups and not queues.",
            "short",
            (
                Query(
                    f"sum(rate({m.AUDIT_GROUP_SIZE}_sum{{{OF_RELEASE}}}{RATE}))"
                    f" / sum(rate({m.AUDIT_GROUP_SIZE}_count{{{OF_RELEASE}}}{RATE}))",
                    "mean",
                ),
            ),
        ),
        Panel(
            "Waiting",
            "Not acknowledged at services (10,000 refuse), not committed at sidecars.",
            "short",
            (largest(m.EVIDENCE_BACKLOG, "service"), largest(m.AUDIT_QUEUE, "sidecar")),
        ),
        Panel("Spans received", "By the way they came.", "ops", (rate_by(m.AUDIT_RECEIVED, "transport"),)),
        Panel(
            "Where the log has come to",
            "Sizes of log, checkpoint, archive and witnessed checkpoint; 0 where there is none.",
            "short",
            (
                largest(m.AUDIT_TREE_SIZE, "log"),
                largest(m.AUDIT_CHECKPOINT_SIZE, "checkpoint"),
                largest(m.AUDIT_ARCHIVE_SIZE, "archive"),
                largest(m.AUDIT_WITNESSED_SIZE, "witnessed"),
            ),
        ),
        Panel(
            "Time since",
            "Last commit, checkpoint, round of the archive, quorum of witnesses; nothing where there is none.",
            "s",
            (
                since(m.AUDIT_LAST_COMMIT, "commit"),
                since(m.AUDIT_CHECKPOINT_TIME, "checkpoint"),
                since(m.AUDIT_ARCHIVE_TIME, "archive"),
                since(m.AUDIT_WITNESSED_TIME, "witnesses"),
            ),
        ),
        Panel(
            "Refused and repeated",
            "Exports refused by code, spans of them by reason, spans that came twice.",
            "ops",
            (
                Query(f"sum by (code) (rate({m.AUDIT_EXPORTS_REFUSED}{{{OF_RELEASE}}}{RATE}))", "refused {{code}}"),
                Query(f"sum by (reason) (rate({m.AUDIT_REJECTED}{{{OF_RELEASE}}}{RATE}))", "spans {{reason}}"),
                Query(f"sum(rate({m.AUDIT_DUPLICATES}{{{OF_RELEASE}}}{RATE}))", "came twice"),
            ),
        ),
        Panel(
            "Index behind the log",
            "Leaves, where the store indexes apart (DynamoDB).",
            "short",
            (largest(m.AUDIT_INDEX_LAG, "leaves"),),
        ),
        Panel(
            "Volume",
            "Bytes of an SQLite store and free bytes beside it; nothing for other stores.",
            "bytes",
            (largest(m.AUDIT_STORE_BYTES, "store"), Query(f"min({m.AUDIT_DISK_FREE}{{{OF_RELEASE}}})", "free")),
        ),
        Panel(
            "Sidecars",
            "How many run which version.",
            "short",
            (Query(f"count by (version) ({m.AUDIT_BUILD_INFO}{{{OF_RELEASE}}})"),),
            "table",
        ),
    ),
)
