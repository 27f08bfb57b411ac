# SPDX-License-Identifier: Apache-2.0
"""Attribute names of evidence spans and the kinds of record; no other module spells them out.

OpenTelemetry has no conventions for classic machine-learning inference, so our names live under
``countersign.``; where OpenTelemetry has a stable name (``service.*``, ``error.type``, ``http.*``) that one is used.
"""

from typing import Final

# Resource: the constants of one process.
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
"""Text of the stream id, the UUIDv7 made when the process started."""
MODEL_ID: Final = "countersign.model.id"
MODEL_VERSION: Final = "countersign.model.version"
MODEL_DIGEST: Final = "countersign.model.digest"
"""SHA-256 of the artifact, 64 hex digits."""
RELEASE_DIGEST: Final = "countersign.release.digest"
"""SHA-256 of the canonical JSON {artifact, card, verdict, commit, images}, 64 hex digits."""

# Span: every record.
RECORD_KIND: Final = "countersign.record.kind"
STREAM_SEQ: Final = "countersign.stream.seq"
"""Position in the producer's stream, from 0 without holes."""

# Span: predictions.
SUBJECT: Final = "countersign.subject"
"""Keyed pseudonym of the person concerned, 32 hex digits; never the id itself."""
SUBJECT_KEY_ID: Final = "countersign.subject.key_id"
CALLER: Final = "countersign.caller"
"""Name of the token that asked, or ``local``."""
CLIENT_REQUEST_ID: Final = "countersign.client.request_id"
BATCH_ID: Final = "countersign.batch.id"
INPUT: Final = "countersign.input"
"""JSON object: feature values as the model saw them, without the subject."""
ANSWER: Final = "countersign.answer"
"""JSON object: the response as sent, without the subject field and ``evidence``."""
PREDICTION_LABEL: Final = "countersign.prediction.label"
PREDICTION_SCORE: Final = "countersign.prediction.score"
"""Unrounded score in [0, 1]."""
PREDICTION_THRESHOLD: Final = "countersign.prediction.threshold"
EXPLANATION: Final = "countersign.explanation"
GUARDRAIL_ACTION: Final = "countersign.guardrail.action"
ANSWER_STATUS: Final = "countersign.answer.status"
"""HTTP status the service meant to send."""

# Span: other kinds.
REASON: Final = "countersign.reason"
TARGET_SEQ: Final = "countersign.target.seq"
TARGET_ID: Final = "countersign.target.id"
"""Text of the request id of the prediction that this record is about."""
TARGET_STREAM: Final = "countersign.target.stream"
COUNT: Final = "countersign.count"
FIRST: Final = "countersign.first"
LAST: Final = "countersign.last"
OPERATOR: Final = "countersign.operator"
ROLE: Final = "countersign.role"
QUERY: Final = "countersign.query"
"""What was asked of the audit API: method, path and query string, in which persons stand as pseudonyms."""
ON_BEHALF_OF: Final = "countersign.on_behalf_of"
"""Who asked the service that asked the audit API; that there was such a caller is the service's word."""
LOG_KEYS: Final = "countersign.log.keys"
"""JSON array of the verifier-key lines of every key that signs the log from here on, sorted."""
LOST_ORIGIN: Final = "countersign.log.lost.origin"
"""Name of the log that this one follows, because it was lost, set back or rewritten."""
LOST_SIZE: Final = "countersign.log.lost.size"
"""Leaves of the largest checkpoint of it that is known to have been signed."""
LOST_ROOT: Final = "countersign.log.lost.root"
"""Root hash of that checkpoint, 64 hex digits."""
FIELD: Final = "countersign.field"
"""Path of the offending field in a rejected request, e.g. ``$.tenure_months``; never its value."""
PROBLEM_TYPE: Final = "countersign.problem.type"
REVIEW_DUE: Final = "countersign.card.review_due"
"""Date from which on the card's review is overdue, such as ``2027-05-21``."""
REVIEW_ACTION: Final = "countersign.card.review_overdue"
"""What the card asks for then: ``alert``, ``warn`` or ``unready``."""

# Span: what a release is made of.
RELEASE_ARTIFACT: Final = "countersign.release.artifact"
RELEASE_CARD: Final = "countersign.release.card"
RELEASE_VERDICT: Final = "countersign.release.verdict"
RELEASE_COMMIT: Final = "countersign.release.commit"
RELEASE_IMAGES: Final = "countersign.release.images"
"""JSON array of image digests, sorted."""

# OpenTelemetry's own.
ERROR_TYPE: Final = "error.type"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
POD_NAME: Final = "k8s.pod.name"
NODE_NAME: Final = "k8s.node.name"
NAMESPACE_NAME: Final = "k8s.namespace.name"

# Telemetry spans, which are no evidence: one SERVER span per HTTP request.
HTTP_METHOD: Final = "http.request.method"
URL_SCHEME: Final = "url.scheme"
EVIDENCE_WAIT: Final = "countersign.evidence.wait"
"""Seconds from an answer made to its evidence durable; a double."""

SCOPE_NAME: Final = "countersign"
ACK_HEADER: Final = "countersign-ack"
"""Request header of a producer that wants index and leaf hash of every span in the acknowledgement."""

ON_BEHALF_HEADER: Final = "countersign-on-behalf-of"
"""Request header that names the end caller to the audit API, percent-encoded; only an auditor's token may send it."""

RECORD_KINDS: Final = (
    "release",
    "prediction",
    "reject",
    "error",
    "withheld",
    "override",
    "erasure",
    "gap",
    "access",
    "heartbeat",
    "stop",
    "resume",
    "key",
    "origin",
    "notice",
    "end",
    "span",
)
"""Every kind of record. ``span`` is foreign OTLP; all others are a producer's. The order is part of the store
format: a store may keep the position in place of the name, so new kinds are only ever added at the end."""

REQUEST_KINDS: Final = frozenset({"prediction", "reject", "error"})
"""Kinds whose trace id is the request id that the record is about."""
