# SPDX-License-Identifier: Apache-2.0
"""Names of every Prometheus series, as scraped; rules, dashboards and documents are tested against these."""

from typing import Final

BUILD_INFO: Final = "countersign_build_info"
REQUESTS: Final = "countersign_requests_total"
REQUEST_DURATION: Final = "countersign_request_duration_seconds"
PREDICTIONS: Final = "countersign_predictions_total"
EVIDENCE_COMMIT: Final = "countersign_evidence_commit_seconds"
EVIDENCE_ACKNOWLEDGED: Final = "countersign_evidence_acknowledged_total"
EVIDENCE_BACKLOG: Final = "countersign_evidence_backlog_records"
ANSWERS_WITHHELD: Final = "countersign_answers_withheld_total"
REJECTS: Final = "countersign_rejects_total"
INFLIGHT_REQUESTS: Final = "countersign_inflight_requests"
CARD_REVIEW: Final = "countersign_card_review_timestamp_seconds"
CARD_OVERDUE: Final = "countersign_card_review_overdue"
"""1 from the card's review date on; the label ``action`` says what the card asks for then: alert, warn or unready."""
DRIFT_WINDOW: Final = "countersign_drift_window_predictions"
"""How many predictions the drift series look at: an index over few rows is noise, so alerts ask for a minimum."""
FEATURE_PSI: Final = "countersign_feature_psi"
"""Label ``feature``; absent without a baseline, and while the window is empty."""
ANSWER_PSI: Final = "countersign_answer_psi"
ANSWER_SHARE: Final = "countersign_answer_share"
"""Label ``label``; over the window of one process. `PREDICTIONS` gives the rate over any time and all processes."""
ANSWER_BASELINE: Final = "countersign_answer_baseline_share"
"""Label ``label``: the same of the training rows, to compare with."""
TELEMETRY_SPANS: Final = "countersign_telemetry_spans_total"

AUDIT_BUILD_INFO: Final = "countersign_audit_build_info"
AUDIT_RECEIVED: Final = "countersign_audit_records_received_total"
AUDIT_ACKNOWLEDGED: Final = "countersign_audit_records_acknowledged_total"
AUDIT_REJECTED: Final = "countersign_audit_records_rejected_total"
AUDIT_EXPORTS_REFUSED: Final = "countersign_audit_exports_refused_total"
AUDIT_DUPLICATES: Final = "countersign_audit_duplicates_total"
AUDIT_CONFLICTS: Final = "countersign_audit_conflicts_total"
AUDIT_GAPS: Final = "countersign_audit_gaps_total"
AUDIT_MISSING: Final = "countersign_audit_missing_records_total"
AUDIT_GROUP_SIZE: Final = "countersign_audit_group_commit_records"
AUDIT_COMMIT: Final = "countersign_audit_commit_seconds"
AUDIT_LAST_COMMIT: Final = "countersign_audit_last_commit_timestamp_seconds"
AUDIT_QUEUE: Final = "countersign_audit_queue_records"
AUDIT_TREE_SIZE: Final = "countersign_audit_tree_size"
AUDIT_CHECKPOINT_SIZE: Final = "countersign_audit_checkpoint_size"
AUDIT_CHECKPOINT_TIME: Final = "countersign_audit_checkpoint_timestamp_seconds"
AUDIT_WITNESSED_SIZE: Final = "countersign_audit_witnessed_size"
AUDIT_WITNESSED_TIME: Final = "countersign_audit_witnessed_timestamp_seconds"
AUDIT_WITNESS_DISAGREEMENTS: Final = "countersign_audit_witness_disagreements_total"
AUDIT_ARCHIVE_SIZE: Final = "countersign_audit_archive_size"
AUDIT_ARCHIVE_TIME: Final = "countersign_audit_archive_timestamp_seconds"
AUDIT_INDEX_LAG: Final = "countersign_audit_index_lag_leaves"
AUDIT_VERIFY_FAILURES: Final = "countersign_audit_verify_failures_total"
AUDIT_STORE_BYTES: Final = "countersign_audit_store_bytes"
AUDIT_DISK_FREE: Final = "countersign_audit_disk_free_bytes"

SERVICE_METRICS: Final = (
    BUILD_INFO, REQUESTS, REQUEST_DURATION, PREDICTIONS, EVIDENCE_COMMIT, EVIDENCE_ACKNOWLEDGED, EVIDENCE_BACKLOG,
    ANSWERS_WITHHELD, REJECTS, INFLIGHT_REQUESTS, CARD_REVIEW, CARD_OVERDUE, DRIFT_WINDOW, FEATURE_PSI,
    ANSWER_PSI, ANSWER_SHARE, ANSWER_BASELINE, TELEMETRY_SPANS,
)  # fmt: skip
SIDECAR_METRICS: Final = (
    AUDIT_BUILD_INFO, AUDIT_RECEIVED, AUDIT_ACKNOWLEDGED, AUDIT_REJECTED, AUDIT_EXPORTS_REFUSED, AUDIT_DUPLICATES,
    AUDIT_CONFLICTS, AUDIT_GAPS, AUDIT_MISSING, AUDIT_GROUP_SIZE, AUDIT_COMMIT, AUDIT_LAST_COMMIT, AUDIT_QUEUE,
    AUDIT_TREE_SIZE, AUDIT_CHECKPOINT_SIZE, AUDIT_CHECKPOINT_TIME, AUDIT_WITNESSED_SIZE, AUDIT_WITNESSED_TIME,
    AUDIT_WITNESS_DISAGREEMENTS, AUDIT_ARCHIVE_SIZE, AUDIT_ARCHIVE_TIME, AUDIT_INDEX_LAG, AUDIT_VERIFY_FAILURES,
    AUDIT_STORE_BYTES, AUDIT_DISK_FREE,
)  # fmt: skip
DURATION_BUCKETS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip
"""Seconds; an edge stands exactly at the default evidence deadline of 2 s."""
