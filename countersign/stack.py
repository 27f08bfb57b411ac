# SPDX-License-Identifier: Apache-2.0
"""The two programs of one stack on this machine, as command lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from countersign.state import State

HOST: Final = "127.0.0.1"


class Program(NamedTuple):
    """One ``countersign`` command; ready when ``ready_url`` answers 200."""

    name: str
    arguments: Sequence[str]
    ready_url: str


class Stack(NamedTuple):
    """Where a stack keeps its state and listens, and which files it is given."""

    bundle: Path
    state: State
    port: int
    audit_port: int
    metrics_port: int
    tokens: str | None = None
    audit_token: str | None = None
    config: str | None = None
    anchor: str | None = None

    @property
    def url(self) -> str:
        """The service."""
        return f"http://{HOST}:{self.port}"

    @property
    def audit_url(self) -> str:
        """The audit API."""
        return f"http://{HOST}:{self.audit_port}"

    def sidecar(self) -> Program:
        """Receives evidence over the private socket, answers auditors on loopback."""
        return Program(
            "sidecar",
            [
                "sidecar", "--store", self.state.store, "--key", str(self.state.log_key),
                "--otlp-http", f"unix:{self.state.socket}", "--audit", f"{HOST}:{self.audit_port}",
                *_optional("--tokens", self.tokens), *_optional("--anchor", self.anchor),
                *_optional("--config", self.config),
            ],
            f"{self.audit_url}/readyz",
        )  # fmt: skip

    def service(self) -> Program:
        """Answers only with evidence."""
        return Program(
            "service",
            [
                "serve", "--bundle", str(self.bundle), "--evidence", f"unix:{self.state.socket}",
                "--subject-key", str(self.state.subject_key), "--host", HOST, "--port", str(self.port),
                "--metrics-port", str(self.metrics_port), "--audit-url", self.audit_url,
                *_optional("--tokens", self.tokens), *_optional("--audit-token", self.audit_token),
                *_optional("--config", self.config),
            ],
            f"{self.url}/ready",
        )  # fmt: skip


def _optional(flag: str, value: str | None) -> list[str]:
    return [] if value is None else [flag, value]
