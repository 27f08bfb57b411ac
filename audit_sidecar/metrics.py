# SPDX-License-Identifier: Apache-2.0
"""Every Prometheus series of the sidecar, declared once; names come from contracts.metrics."""

import shutil
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from audit_sidecar.sequence.plan import Counts
from contracts import metrics as names

_GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class SidecarMetrics:
    """One registry per process."""

    def __init__(self, version: str, clock: Callable[[], float]) -> None:
        self.registry = registry = CollectorRegistry()
        self._clock = clock
        build = Gauge(names.AUDIT_BUILD_INFO, "Always 1; the label says what runs.", ["version"], registry=registry)
        build.labels(version).set(1)
        self.received = Counter(names.AUDIT_RECEIVED, "Spans received.", ["transport"], registry=registry)
        self.acknowledged = Counter(
            names.AUDIT_ACKNOWLEDGED, "Spans acknowledged, repeats included.", registry=registry
        )
        self.rejected = Counter(
            names.AUDIT_REJECTED, "Spans of exports that were not acknowledged.", ["reason"], registry=registry
        )
        self.exports_refused = Counter(
            names.AUDIT_EXPORTS_REFUSED, "Exports that were not acknowledged, read or not.", ["code"], registry=registry
        )
        self.verify_failures = Counter(
            names.AUDIT_VERIFY_FAILURES, "Records that were asked for and are not what was acknowledged.",
            registry=registry,
        )  # fmt: skip
        self._duplicates = Counter(
            names.AUDIT_DUPLICATES, "Spans acknowledged again without a new record.", registry=registry
        )
        self._conflicts = Counter(
            names.AUDIT_CONFLICTS, "Spans whose ids or sequence number were seen with other content.", registry=registry
        )
        self._gaps = Counter(names.AUDIT_GAPS, "Gap records written.", registry=registry)
        self._missing = Counter(names.AUDIT_MISSING, "Records that gap records name.", registry=registry)
        self._group = Histogram(
            names.AUDIT_GROUP_SIZE, "Records per commit.", buckets=_GROUP_BUCKETS, registry=registry
        )
        self._commit = Histogram(
            names.AUDIT_COMMIT, "Time to make a commit durable.", buckets=names.DURATION_BUCKETS, registry=registry
        )
        self._last_commit = Gauge(names.AUDIT_LAST_COMMIT, "When the last commit became durable.", registry=registry)
        self.queue = Gauge(names.AUDIT_QUEUE, "Records that wait for a commit.", registry=registry)
        self.tree_size = Gauge(names.AUDIT_TREE_SIZE, "Leaves in the log.", registry=registry)
        self.checkpoint_size = Gauge(names.AUDIT_CHECKPOINT_SIZE, "Size of the newest checkpoint.", registry=registry)
        self.checkpoint_time = Gauge(
            names.AUDIT_CHECKPOINT_TIME, "When the newest checkpoint was signed.", registry=registry
        )

        self._witnessed_size = Gauge(
            names.AUDIT_WITNESSED_SIZE, "Size of the newest checkpoint with a quorum of cosignatures; 0 without one.",
            registry=registry,
        )  # fmt: skip
        self._witnessed_time = Gauge(
            names.AUDIT_WITNESSED_TIME, "When a checkpoint last had a quorum of cosignatures.", registry=registry
        )
        self.witness_disagreements = Counter(
            names.AUDIT_WITNESS_DISAGREEMENTS, "Times a witness said that it saw more of this log, or another history.",
            registry=registry,
        )  # fmt: skip
        self._archive_size = Gauge(names.AUDIT_ARCHIVE_SIZE, "Leaves in the archive; 0 without one.", registry=registry)
        self._archive_time = Gauge(
            names.AUDIT_ARCHIVE_TIME, "When the archive last held the newest checkpoint.", registry=registry
        )
        self.index_lag = Gauge(
            names.AUDIT_INDEX_LAG, "Leaves that the index does not cover, at the sidecar that indexes; 0 elsewhere.",
            registry=registry,
        )  # fmt: skip

    def watch_store(self, path: Path) -> None:
        """Measure the store's files and the free space beside them at every scrape."""
        size = Gauge(names.AUDIT_STORE_BYTES, "Bytes of the store's files.", registry=self.registry)
        size.set_function(lambda: sum(_size(path.with_name(path.name + suffix)) for suffix in ("", "-wal")))
        free = Gauge(names.AUDIT_DISK_FREE, "Free bytes where the store is.", registry=self.registry)
        free.set_function(lambda: shutil.disk_usage(path.parent).free)

    def count_plan(self, counts: Counts, new_records: int) -> None:
        """What a committed group held besides ``new_records`` new records."""
        if any(counts):
            self._duplicates.inc(counts.duplicates)
            self._conflicts.inc(counts.conflicts)
            self._gaps.inc(counts.gaps)
            self._missing.inc(counts.missing)
        if new_records:
            self._group.observe(new_records)

    def count_witnessed(self, size: int | None) -> None:
        """A checkpoint of ``size`` leaves got its quorum; None when it did not."""
        if size is not None:
            self._witnessed_size.set(size)
            self._witnessed_time.set(self._clock())

    def count_archived(self, size: int) -> None:
        """A round of the archiver ended, and the archive holds ``size`` leaves."""
        self._archive_size.set(size)
        self._archive_time.set(self._clock())

    def count_commit(self, seconds: float, size: int) -> None:
        """One durable commit that brought the log to ``size`` leaves."""
        self._commit.observe(seconds)
        self._last_commit.set(self._clock())
        self.tree_size.set(size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
