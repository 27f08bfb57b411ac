# SPDX-License-Identifier: Apache-2.0
"""What the code asks DynamoDB for is what the documents allow it, table by table: no less, and no more.

DynamoDB Local enforces no policy, so that the calls are recorded and held against the documents.
"""

from collections.abc import Iterator

import pytest

from audit_sidecar.fsck.store import check_store
from audit_sidecar.stores.url import create_store, migrate_store, open_indexer, open_reader, store_status
from infra_pulumi.iam import evidence
from infra_pulumi.iam.document import Document
from infra_pulumi.iam.evidence import MUTATIONS, EvidenceArns
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import running

TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/"
ARNS = EvidenceArns(
    f"{TABLE}x-log", f"{TABLE}x-payload", f"{TABLE}x-state", "arn:aws:s3:::archive",
    "arn:aws:kms:eu-west-1:111122223333:key/sign", "arn:aws:kms:eu-west-1:111122223333:key/data",
)  # fmt: skip
ACTIONS = {"ExecuteStatement": "PartiQLInsert", "BatchExecuteStatement": "PartiQLInsert"}
"""Statements need the right for what they do; here all of them insert."""
Calls = set[tuple[str, str]]


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    """What botocore talks to in this test."""
    with running() as server, FaultyProxy(server.endpoint) as proxy, pytest.MonkeyPatch.context() as patched:
        for name, value in server.environment().items():
            patched.setenv(name, value)
        patched.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint)
        yield proxy


def asked(proxy: FaultyProxy) -> Calls:
    """Actions and parts since the last time."""
    calls, proxy.requests = proxy.requests, []
    assert all(b"INSERT INTO" in call.body for call in calls if call.operation in ACTIONS)
    return {
        (f"dynamodb:{ACTIONS.get(call.operation, call.operation)}", table.rpartition("-")[2])
        for call in calls
        for table in call.tables
    }


def allowed(policy: Document) -> Calls:
    """Actions on tables that a document allows."""
    return {
        (action, resource.rpartition("-")[2])
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if statement["Effect"] == "Allow" and action.startswith("dynamodb:")
    }


def test_every_call_is_allowed_and_every_write_that_is_allowed_is_made(proxy: FaultyProxy) -> None:
    """The sidecar with all that it does, then who reads; what makes tables is neither of them."""
    url = "dynamodb://x?region=eu-west-1"
    create_store(url, ORIGIN)
    assert ("dynamodb:CreateTable", "log") in asked(proxy)
    log = sidecar_of(url)
    log.send(Producer(1).export(*range(300)))
    log.send(Producer(1).export(305, 3))
    log.send(stranger(foreign(1), foreign(1, "other")))
    log.publish_now()
    indexer = open_indexer(url)
    assert indexer is not None
    assert indexer.catch_up().commits == 0
    log.reload()
    log.send(Producer(2).export(0, 1))
    log.send(Producer(1).export(4))
    log.publish_now()
    log.writer.close()
    sidecar, may = asked(proxy), allowed(evidence.sidecar(ARNS))
    assert sidecar - may == set()
    writes = {(action, part) for action, part in may if action in {*MUTATIONS, "dynamodb:PartiQLInsert"}}
    assert writes - sidecar == set(), "a right that nobody uses is taken away"
    check_store(open_reader(url), [SIGNER.verifier])
    store_status(url)
    migrate_store(url)
    reading = asked(proxy)
    assert reading - allowed(evidence.read_side(ARNS)) == set()
    assert ("dynamodb:Scan", "state") in reading
