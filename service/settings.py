# SPDX-License-Identifier: Apache-2.0
"""Settings of the inference service; `contracts.settings` says where they come from. Secrets are file paths."""

from typing import Annotated

from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[float, Meta(gt=0)]
Bound = Annotated[int, Meta(ge=1)]


class EvidenceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The way to the audit sidecar."""

    url: str | None = None
    """``http://host:port``, ``https://…`` or ``unix:/path``."""
    token_file: str | None = None
    """A bearer token of role `producer`; not needed on a unix socket."""
    deadline: Positive = 2.0
    """Seconds until an answer without durable evidence is withheld; a batch has 1 s more per 5,000 rows."""
    timeout: Positive = 5.0
    """Seconds until an export without reply is given up and sent again."""
    backlog_records: Bound = 10_000
    """Records that may wait for acknowledgement before requests are refused unpredicted."""
    backlog_bytes: Bound = 32 << 20
    """The same in bytes."""
    heartbeat: Positive = 60.0
    """Seconds of silence after which a stream gives a sign of life."""


class ReleaseSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the deployment says of the release; it goes into the release digest."""

    card: str | None = None
    """Digest of the card that was deployed, `sha256:` or not; a service whose bundle holds another does not start."""
    artifact: str | None = None
    """The same of the artifact."""
    verdict: str | None = None
    """Digest of the gate's verdict."""
    commit: str | None = None
    """Commit of the configuration that was rolled out."""
    images: list[str] | None = None
    """Image digests of the pod."""


class DeploymentSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the process runs; it stands in the release record."""

    pod: str | None = None
    """``k8s.pod.name``"""
    node: str | None = None
    """``k8s.node.name``"""
    namespace: str | None = None
    """``k8s.namespace.name``"""


class DriftSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How predictions are compared with training."""

    window: Positive = 86400.0
    """Seconds of predictions that the drift series look at, less at most a 24th part; this process's alone."""


class ServiceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything `countersign serve` can be told."""

    bundle: str | None = None
    """Folder of the model, ``models/<id>/<version>``; needed."""
    host: str = "127.0.0.1"
    """Address of both listeners; beyond loopback only with ``tokens``."""
    port: Port = 8080
    """0 = a free one."""
    metrics_port: Port = 9464
    """0 = a free one."""
    subject_key: str | None = None
    """File of the keys that pseudonyms are made with; the first line is the current one. Needed."""
    tokens: str | None = None
    """File of bearer tokens; without it every local caller holds all roles."""
    tls_cert: str | None = None
    """PEM certificate chain, server first, for both listeners; with ``tls_key``. TLS 1.2 at least."""
    tls_key: str | None = None
    """PEM private key of that certificate, unencrypted."""
    ca_file: str | None = None
    """PEM certificates of the authorities that vouch for sidecar and audit API; without it those of the system do."""
    audit_url: str | None = None
    """The audit API, for receipts and the audit log: ``http://host:port``, ``https://…`` or ``unix:/path``."""
    audit_token_file: str | None = None
    """File with a bearer token of role `auditor`, if the audit API asks for one."""
    max_body: Bound = 16 << 20
    """Bytes of a request body."""
    drain: Positive = 10.0
    """Seconds that requests under way, and then the evidence, may take after a stop signal."""
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    deployment: DeploymentSettings = field(default_factory=DeploymentSettings)
