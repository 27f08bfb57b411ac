# SPDX-License-Identifier: Apache-2.0
"""A stack with real tokens and every listener open, raw sockets to hurt it with, and a measure of what that cost."""

import hashlib
import re
import socket
from pathlib import Path

from contracts.address import free_ports
from countersign.stack import Program
from tests.end_to_end.living import Living, Process

ROLES = ("consumer", "producer", "auditor", "operator")
SECRETS = {role: f"{role}-secret-of-this-test" for role in (*ROLES, "expired")}
_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (serve|sidecar) (INFO|WARNING|ERROR) \S.*")


def _token(name: str) -> str:
    digest = hashlib.sha256(SECRETS[name].encode()).hexdigest()
    roles, expires = (ROLES, "expires = 2020-01-01\n") if name == "expired" else ((name,), "")
    return f'[[token]]\nname = "{name}"\nroles = {list(roles)}\nsha256 = "{digest}"\n{expires}'


class Fortress(Living):
    """Service, metrics, audit API and OTLP over HTTP and gRPC, all with tokens; evidence goes by a private socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.otlp_port, self.grpc_port = free_ports(2)
        tokens, audit_token = folder / "tokens.toml", folder / "auditor.token"
        tokens.write_text("".join(map(_token, SECRETS)))
        audit_token.write_text(SECRETS["auditor"])
        self.stack = self.stack._replace(tokens=str(tokens), audit_token=str(audit_token))
        sidecar = self.stack.sidecar()
        arguments = [*sidecar.arguments, "--otlp-http", f"127.0.0.1:{self.otlp_port}", "--otlp-grpc",
                     f"127.0.0.1:{self.grpc_port}"]  # fmt: skip
        self.sidecar = Process(Program("sidecar", arguments, sidecar.ready_url), folder / "sidecar.log")
        self.service = Process(self.stack.service(), folder / "service.log")
        self._start: dict[str, int] = {}

    @property
    def ports(self) -> dict[str, int]:
        """Every TCP listener that speaks HTTP/1.1."""
        stack = self.stack
        return {
            "service": stack.port,
            "metrics": stack.metrics_port,
            "audit": stack.audit_port,
            "otlp": self.otlp_port,
        }

    @property
    def otlp(self) -> str:
        """The open receiver's traces route."""
        return f"http://127.0.0.1:{self.otlp_port}/v1/traces"

    def measure(self) -> None:
        """From here on peaks count."""
        for process in (self.sidecar, self.service):
            (_proc(process) / "clear_refs").write_text("5")
            self._start[process.program.name] = _memory(process, "VmRSS")

    def growth(self) -> dict[str, int]:
        """MiB that each process took beyond what it had at `measure`, at its peak."""
        processes = (self.sidecar, self.service)
        return {p.program.name: (_memory(p, "VmHWM") - self._start[p.program.name]) >> 10 for p in processes}

    def odd_lines(self) -> list[str]:
        """Lines of either log that no program of ours begins: a caller's newline, or a traceback."""
        lines = (self.sidecar.log() + self.service.log()).split("\n")
        return [line for line in lines if line and not (_LINE.fullmatch(line) and line.isprintable())]


def _proc(process: Process) -> Path:
    assert process.popen is not None
    return Path(f"/proc/{process.popen.pid}")


def _memory(process: Process, field: str) -> int:
    """KiB, as the kernel counts them."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", (_proc(process) / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def bearer(name: str | None) -> dict[str, str]:
    """The header of a token's holder; a name that has none presents an unknown token."""
    return {} if name is None else {"Authorization": f"Bearer {SECRETS.get(name, 'nobody-has-this')}"}


def raw(port: int, data: bytes, half_close: bool = False) -> list[int]:
    """Send bytes as they are and read to the end; the status of each answer. Empty when closed without one."""
    answered = b""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed on us while we sent: what was answered can still be read
        try:
            while chunk := connection.recv(65536):
                answered += chunk
        except OSError:
            pass
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]
