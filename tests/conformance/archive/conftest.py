# SPDX-License-Identifier: Apache-2.0
"""A real object store with Object Lock, on loopback: versitygw over a folder."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import get_session

from audit_sidecar.archive.s3 import S3Archive, open_s3
from contracts.address import free_ports
from tests.conformance.archive.clock import now
from tests.conformance.outside import await_listening, outside

ACCESS, SECRET, REGION = "archivist", "not-a-secret-0123456789", "eu-west-1"

Bucket = Callable[[str], S3Archive]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running gateway."""
    program = outside("versitygw")
    root = tmp_path_factory.mktemp("gateway")
    for part in ("buckets", "versions"):
        (root / part).mkdir()
    (port,) = free_ports(1)
    command = [
        str(program), "--port", f"127.0.0.1:{port}", "--access", ACCESS, "--secret", SECRET, "--region", REGION,
        "--keep-alive", "--quiet", "posix", "--versioning-dir", str(root / "versions"), str(root / "buckets"),
    ]  # fmt: skip
    with (root / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            await_listening(process, root / "log", port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client with the owner's rights, to do what an intruder with the owner's rights would."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return get_session().create_client("s3", region_name=REGION)


@pytest.fixture
def bucket(client: Any) -> Bucket:
    """Make a bucket with Object Lock, and open an archive in it."""

    def make(name: str) -> S3Archive:
        client.create_bucket(
            Bucket=name,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        return open_s3(f"s3://{name}/log?region={REGION}&days=30", now)

    return make
