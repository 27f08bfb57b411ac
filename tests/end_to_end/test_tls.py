# SPDX-License-Identifier: Apache-2.0
"""Every TCP listener speaks TLS when it is given a certificate, and the service believes no other sidecar."""

import socket
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest

from contracts.address import free_ports
from countersign.stack import Program
from tests.audit_sidecar.producers import foreign
from tests.audit_sidecar.receive.grpc_listener import request_of
from tests.certificates import Certificate, make_certificate
from tests.end_to_end.living import LOYAL, Living, Process, ask, await_true, countersign


class Encrypted(Living):
    """A stack without a plain port: OTLP over HTTP and gRPC, audit API, service and metrics."""

    def __init__(self, folder: Path, made: Certificate, authority: Path) -> None:
        super().__init__(folder)
        self.otlp_port, self.grpc_port = free_ports(2)
        tls = ["--tls-cert", str(made.certificate), "--tls-key", str(made.key)]
        sidecar, service = self.stack.sidecar(), self.stack.service()
        more = ["--otlp-http", f"127.0.0.1:{self.otlp_port}", "--otlp-grpc", f"127.0.0.1:{self.grpc_port}", *tls]
        ready = sidecar.ready_url.replace("http:", "https:")
        self.sidecar = Process(Program("sidecar", [*sidecar.arguments, *more], ready), folder / "sidecar.log")
        replaced = {
            f"unix:{self.state.socket}": f"https://localhost:{self.otlp_port}",
            self.stack.audit_url: self.stack.audit_url.replace("http:", "https:"),
        }
        arguments = [replaced.get(argument, argument) for argument in service.arguments]
        arguments += [*tls, "--ca-file", str(authority)]
        ready = service.ready_url.replace("http:", "https:")
        self.service = Process(Program("service", arguments, ready), folder / "service.log")

    @property
    def tcp_ports(self) -> list[int]:
        """Every port that is listened on."""
        return [self.stack.port, self.stack.metrics_port, self.stack.audit_port, self.otlp_port, self.grpc_port]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """A certificate whose authority this process and its children believe."""
    certificate = make_certificate(tmp_path / "tls")
    context = ssl.create_default_context(cafile=str(certificate.authority))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    monkeypatch.setattr(urllib.request, "_opener", opener)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    return certificate


def _version(port: int, authority: Path, newest: ssl.TLSVersion) -> str | None:
    """The TLS version that is agreed on when the client knows none after ``newest``."""
    context = ssl.create_default_context(cafile=str(authority))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return wrapped.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_whole_stack_over_tls(tmp_path: Path, made: Certificate) -> None:
    """Answers, receipts and searches work over TLS alone; nothing answers in the clear or below TLS 1.2."""
    stack = Encrypted(tmp_path, made, made.authority)
    try:
        stack.start()
        url = stack.stack.url.replace("http:", "https:")
        answer = ask("POST", f"{url}/predict", b'{"customer_id":"C-1",' + _features() + b"}")
        assert answer.status == 200, answer
        assert ask("GET", f"{url}/governance/audit-log").body["total"] == 1
        assert ask("GET", f"https://127.0.0.1:{stack.stack.metrics_port}/metrics").status == 200
        audit = stack.stack.audit_url.replace("http:", "https:")
        assert answer.body["request_id"] in countersign("audit", "search", audit).stdout
        with grpc.secure_channel(
            f"localhost:{stack.grpc_port}", grpc.ssl_channel_credentials(made.authority.read_bytes())
        ) as channel:
            export: Any = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            assert export(request_of(foreign(1)), timeout=10) == b""
        for port in stack.tcp_ports:
            assert _version(port, made.authority, ssl.TLSVersion.MAXIMUM_SUPPORTED) == "TLSv1.3"
            assert _version(port, made.authority, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                _version(port, made.authority, ssl.TLSVersion.TLSv1_1)
            assert ask("GET", f"http://127.0.0.1:{port}/metrics").status in (0, 400)
        stack.stop()
        assert stack.fsck().returncode == 0
    finally:
        stack.end()


def _features() -> bytes:
    return ",".join(f'"{name}":{value}' for name, value in LOYAL.items()).encode()


def test_a_sidecar_that_cannot_prove_its_name_gets_no_evidence(tmp_path: Path, made: Certificate) -> None:
    """The service believes only its own authority: it never becomes ready, and says why."""
    other = make_certificate(tmp_path / "other", "other")
    stack = Encrypted(tmp_path, made, other.authority)
    try:
        stack.sidecar.start()
        stack.service.spawn()
        await_true(lambda: "CERTIFICATE_VERIFY_FAILED" in stack.service.log().replace(" ", "_").upper(), "it says why")
        assert not stack.service.is_ready()
    finally:
        stack.end()


@pytest.mark.parametrize("program", ["sidecar", "service"])
def test_files_that_do_not_fit_stop_the_start(tmp_path: Path, made: Certificate, program: str) -> None:
    """One line and a code, before anything is written or listened on."""
    stack = Encrypted(tmp_path, made._replace(key=make_certificate(tmp_path / "other").key), made.authority)
    process = stack.sidecar if program == "sidecar" else stack.service
    process.spawn()
    assert process.wait() == 2
    assert "is not the key of the certificate" in process.log()
    assert len(process.log().strip().splitlines()) == 1
    assert stack.evidence().reader.frontier().size == 0
