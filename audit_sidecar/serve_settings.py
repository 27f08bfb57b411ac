# SPDX-License-Identifier: Apache-2.0
"""Settings of the read side as a program of its own. Times are seconds; secrets are paths of files."""

from typing import Annotated

import msgspec

from audit_sidecar.settings import ReleaseSettings


class AccessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where it is written down who read what, before anything is shown."""

    url: str
    """The audit sidecar of the same log: ``http://host:port``, ``https://host:port`` or ``unix:/path``."""
    token_file: str | None = None
    """File with a bearer token of role producer, where the sidecar asks for one; it is read again when refused."""
    deadline: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    """Whoever asks waits this long for the access record to be durable; then nothing is shown (503)."""
    heartbeat: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """The stream is never silent for longer."""


class ReadSideSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of them."""

    store: str
    """Store URL of a log that several programs share: ``postgresql://user@host/database`` or ``dynamodb://prefix``."""
    evidence: AccessSettings
    listen: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1:8081"])
    """Where the audit API listens: ``host:port`` or ``unix:/path``."""
    tokens: str | None = None
    """File of bearer tokens; without it only loopback callers are served, with all roles."""
    ca_file: str | None = None
    """PEM authorities that vouch for an ``https://`` sidecar; the system's by default."""
    tls_cert: str | None = None
    """PEM certificate chain, server first, for every TCP listener; with ``tls_key``. TLS 1.2 at least."""
    tls_key: str | None = None
    """PEM private key of that certificate, unencrypted."""
    public_log: bool = False
    """Serve ``/log`` without a token."""
    release: ReleaseSettings = msgspec.field(default_factory=ReleaseSettings)
