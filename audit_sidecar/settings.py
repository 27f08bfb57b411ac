# SPDX-License-Identifier: Apache-2.0
"""Settings of the sidecar. Sizes are bytes, times seconds; secrets are paths of files."""

from typing import Annotated

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]


class ReleaseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What runs here, as the deployment knows it; it stands in the sidecar's ``release`` record."""

    commit: str | None = None
    """Commit of the configuration that was rolled out."""
    images: list[str] | None = None
    """Image digests of the pod."""


class ReceiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much OTLP is taken in."""

    body_limit: Positive = 64 << 20
    """Largest export, before and after decompression."""
    open_bytes: Positive = 128 << 20
    """Bytes of all exports that are being received or wait for their answer; beyond, senders are told to come again."""
    patience: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """Seconds until an OTLP/gRPC call that begins must be whole; an HTTP request has more when it is long."""
    queue_records: Positive = 50_000
    """Records that may wait for a commit before senders are told to come again."""
    queue_bytes: Positive = 128 << 20
    """The same in bytes."""


class SidecarSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of them."""

    store: str
    """Store URL, ``sqlite:///path`` or ``postgresql://user@host/database``; password and TLS as libpq takes them."""
    key: str
    """File with the log's private key; during a rotation it holds several, the current one first, and each signs."""
    otlp_http: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1:4318"])
    """Where OTLP/HTTP is received: ``host:port`` or ``unix:/path``."""
    otlp_grpc: list[str] = msgspec.field(default_factory=list)
    """Where OTLP/gRPC is received, by convention on port 4317; nowhere unless it is named."""
    audit: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1:8081"])
    """Where the audit API listens."""
    anchor: str | None = None
    """Keeps the newest checkpoint; a store behind it is never signed for. A folder on another volume, ``s3://…`` as for
    the archive, or the archive itself."""
    archive: str | None = None
    """Where the log is kept as files: a folder, or ``s3://bucket/prefix?region=R&days=N`` with Object Lock."""
    archive_interval: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """The archive is brought up to date this often; each round that finds news keeps a checkpoint for good."""
    witnesses: str | None = None
    """File with a witness policy (C2SP tlog-policy): who cosigns checkpoints, and how many make a quorum."""
    witness_patience: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.8
    """Seconds that witnesses have for a checkpoint; it is shown before, and gets their lines when they come."""
    tokens: str | None = None
    """File of bearer tokens; without it only loopback callers are served, with all roles."""
    tls_cert: str | None = None
    """PEM certificate chain, server first, for every TCP listener; with ``tls_key``. TLS 1.2 at least."""
    tls_key: str | None = None
    """PEM private key of that certificate, unencrypted."""
    public_log: bool = False
    """Serve ``/log`` without a token."""
    checkpoint_interval: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """A checkpoint is signed this often while the log grows."""
    heartbeat: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """The sidecar's own stream is never silent for longer."""
    receive: ReceiveSettings = msgspec.field(default_factory=ReceiveSettings)
    release: ReleaseSettings = msgspec.field(default_factory=ReleaseSettings)
