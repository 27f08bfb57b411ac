# SPDX-License-Identifier: Apache-2.0
"""DynamoDB Local on loopback, in memory: AWS's own program.

As at AWS: PartiQL INSERT refuses a key that is there, conditions, consistent reads, 400 KB items, 1 MB pages. Not as at
AWS, so nothing here speaks of them: no IAM and no resource policies, no throttling, no point-in-time recovery, and the
refusal of a duplicate is called DuplicateItem, which AWS documents as DuplicateItemException.
"""

import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.address import free_ports
from tests.conformance.outside import await_listening, outside

REGION = "eu-west-1"


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
    program = outside("dynamodb-local")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        command = [str(program), "-inMemory", "-sharedDb", "-port", str(port)]
        with subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
            try:
                await_listening(process, Path(folder) / "log", port)
                yield DynamoDb(f"http://127.0.0.1:{port}")
            finally:
                process.kill()
