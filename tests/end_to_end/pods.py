# SPDX-License-Identifier: Apache-2.0
"""A pod without its cluster: a service, and a sidecar on a log that other pods append to as well."""

import json
from pathlib import Path

from contracts.address import free_ports
from countersign.stack import Program
from tests.end_to_end.living import CHURN, LEAVING, Process, Reply, ask


class Pod:
    """A service with its sidecar, as they stand in one pod."""

    def __init__(self, folder: Path, keys: Path, store: str, *more: str) -> None:
        folder.mkdir()
        self.socket = folder / "evidence.sock"
        self.port, metrics, audit = free_ports(3)
        socket = f"unix:{self.socket}"
        listening = f"127.0.0.1:{audit}"
        self.sidecar = Process(
            Program(
                "sidecar",
                [
                    "sidecar",
                    "--store",
                    store,
                    "--key",
                    str(keys / "log.key"),
                    "--otlp-http",
                    socket,
                    "--audit",
                    listening,
                    *more,
                ],
                f"http://{listening}/readyz",
            ),
            folder / "sidecar.log",
        )
        arguments = ["serve", "--bundle", str(CHURN), "--evidence", socket, "--subject-key", str(keys / "subject.key")]
        arguments += ["--port", str(self.port), "--metrics-port", str(metrics), "--audit-url", f"http://{listening}"]
        self.service = Process(
            Program("service", arguments, f"http://127.0.0.1:{self.port}/ready"), folder / "service.log"
        )

    def start(self) -> None:
        """Start both."""
        self.sidecar.start()
        self.service.start()

    def predict(self) -> Reply:
        """Ask the service."""
        body = json.dumps({"customer_id": "C-1", **LEAVING}).encode()
        return ask("POST", f"http://127.0.0.1:{self.port}/predict", body)

    def end(self) -> None:
        """Leave no process behind."""
        for process in (self.service, self.sidecar):
            if process.popen is not None and process.popen.poll() is None:
                process.kill()
