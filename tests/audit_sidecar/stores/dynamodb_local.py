# SPDX-License-Identifier: Apache-2.0
"""DynamoDB Local on loopback, in memory: AWS's own program.

As at AWS: PartiQL INSERT refuses a key that is there, conditions, consistent reads, 400 KB items, 1 MB pages. Not as at
AWS, so nothing here speaks of them: no IAM and no resource policies, no throttling, no point-in-time recovery, and the
refusal of a duplicate is called DuplicateItem, which AWS documents as DuplicateItemException.
"""

import itertools
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from contracts.address import free_ports
from scripts import tools

REGION = "eu-west-1"
_PATIENCE = 60


class DynamoDb:
    """A running one. Each log has tables of its own."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._numbers = itertools.count()

    def new_store(self) -> str:
        """The URL of a log that there is not yet."""
        return f"dynamodb://t{os.getpid()}n{next(self._numbers)}?region={REGION}"

    def environment(self) -> dict[str, str]:
        """What a program finds it by."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def running() -> Iterator[DynamoDb]:
    """Start it, and end it. Skips without the program, fails where tools are required."""
    try:
        program = tools.find("dynamodb-local")
    except tools.ToolMissing as missing:
        if os.environ.get("COUNTERSIGN_REQUIRE_TOOLS"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        command = [str(program), "-inMemory", "-sharedDb", "-port", str(port)]
        with subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
            try:
                _wait_for(port, process, Path(folder) / "log")
                yield DynamoDb(f"http://127.0.0.1:{port}")
            finally:
                process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):  # ends at once when the program does
            process.wait(0.1)
    pytest.fail(f"DynamoDB Local did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
