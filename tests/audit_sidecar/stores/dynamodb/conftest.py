# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of DynamoDB Local, through which botocore goes where a test says so."""

from collections.abc import Iterator

import pytest

from tests.audit_sidecar.stores.dynamodb.faulty_proxy import FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb


@pytest.fixture
def proxy(dynamodb: DynamoDb) -> Iterator[FaultyProxy]:
    """In front of the running server."""
    with FaultyProxy(dynamodb.endpoint) as running:
        yield running
