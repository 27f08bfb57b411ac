# SPDX-License-Identifier: Apache-2.0
"""Open a store in DynamoDB."""

from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.indexer import DynamoIndexer
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.reader import DynamoReader
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.dynamodb.writer import DynamoWriter
from audit_sidecar.stores.store import StoreReader


def open_dynamo_reader(url: str) -> DynamoReader:
    """Read a store, live or not. StoreRefused, StoreAway."""
    requests = Requests(parse_location(url))
    return DynamoReader(requests, Commits(requests))


def open_dynamo_writer(url: str, beside: StoreReader | None = None) -> DynamoWriter:
    """Become one of the store's writers; with what a reader of this process knows. StoreRefused, StoreAway."""
    if isinstance(beside, DynamoReader):
        return DynamoWriter(*beside.shared)
    requests = Requests(parse_location(url))
    return DynamoWriter(requests, Commits(requests))


def open_dynamo_indexer(url: str) -> DynamoIndexer:
    """Make the index of a store follow its log. StoreRefused, StoreAway."""
    requests = Requests(parse_location(url))
    return DynamoIndexer(requests, Commits(requests))
