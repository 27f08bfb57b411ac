# SPDX-License-Identifier: Apache-2.0
"""transparency-dev's omniwitness as it was published, on loopback, with a database that outlives it."""

import signal
import subprocess
from pathlib import Path

from audit_sidecar.tlog.cosignature import Cosigner
from audit_sidecar.tlog.keys import Signer
from contracts.address import free_ports
from tests.conformance.outside import await_listening, outside


class Omniwitness:
    """One witness of one log, whose verifier key it is told beforehand."""

    def __init__(self, folder: Path, vkey: str, seed: bytes = bytes(range(64, 96))) -> None:
        folder.mkdir()
        key = Signer.from_seed("witness.example/w1", seed)
        self.cosigner = Cosigner(key.verifier.name, key.verifier.public_key)
        (self.port,) = free_ports(1)
        (folder / "key").write_text(key.to_text())
        origin = vkey.partition("+")[0]
        (folder / "logs.yaml").write_text(f"Logs:\n  - Origin: {origin}\n    URL: ''\n    PublicKey: {vkey}\n")
        self._log = folder / "log"
        self._command = [
            str(outside("omniwitness")), "--listen", f"127.0.0.1:{self.port}", "--metrics_listen", "",
            "--private_key_path", str(folder / "key"), "--db_file", str(folder / "witness.db"),
            "--additional_logs", str(folder / "logs.yaml"),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def policy(self) -> str:
        """A policy that asks for its cosignature."""
        return f"witness w1 {self.cosigner.to_text()} http://127.0.0.1:{self.port}\nquorum w1\n"

    def start(self) -> None:
        """Run it; it answers when this returns."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        await_listening(self._process, self._log, self.port)

    def kill(self) -> None:
        """SIGKILL, and reap."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def freeze(self) -> None:
        """It takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
