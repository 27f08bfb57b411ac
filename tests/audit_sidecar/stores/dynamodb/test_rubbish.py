# SPDX-License-Identifier: Apache-2.0
"""Items of the state table that hold something else: refused in words, or passed over; no process ends by one."""

import pytest

from audit_sidecar.errors import Pushback, StoreRefused
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.lease import Lease
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.url import create_store, open_reader
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb


@pytest.fixture
def log(dynamodb: DynamoDb) -> Log:
    """A sidecar's, with a checkpoint and the lease."""
    url = dynamodb.new_store()
    create_store(url, ORIGIN)
    made = sidecar_of(url)
    made.publish_now()
    return made


def put(log: Log, key: Item, attributes: Item) -> None:
    """Whatever is there is replaced."""
    requests = Requests(parse_location(log.url))
    requests._client.put_item(TableName=requests.location.state, Item={**key, **attributes})


def test_a_checkpoint_that_is_none(log: Log) -> None:
    """Readers are told. It is replaced if it says no size, else who publishes is told as well; the log goes on."""
    signed = log.reader.checkpoint()
    assert signed is not None
    for attributes in ({"size": {"N": "1000"}, "root": {"S": "?"}, "note": {"S": "?"}}, {}):
        put(log, keys.CHECKPOINT, attributes)
        with pytest.raises(StoreRefused, match="cannot be read"):
            open_reader(log.url).checkpoint()
        log.send(stranger(foreign(len(attributes))))
        if attributes:
            with pytest.raises(Pushback, match="cannot be read"):
                log.writer.put_checkpoint(signed)
    log.writer.put_checkpoint(signed)
    assert log.reader.checkpoint() == signed
    log.writer.close()


def test_a_log_that_does_not_say_which(log: Log) -> None:
    """Refused to whoever opens it."""
    put(log, keys.LOG, {})
    with pytest.raises(StoreRefused, match="which log it is"):
        open_reader(log.url)
    log.writer.close()


@pytest.mark.parametrize("attributes", [{}, {"holder": {"N": "1"}}, {"holder": {"S": "x"}, "beat": {"N": "1"}}])
def test_a_lease_that_is_none(log: Log, attributes: Item) -> None:
    """Nobody keeps it, so that it is taken as any that stands still."""
    put(log, keys.PUBLISHER, attributes)
    now = [0.0]
    lease = Lease(Requests(parse_location(log.url)), "me", lambda: now[0])
    lease.hold()
    now[0] = 3.0
    assert lease.hold()
    log.writer.close()


@pytest.mark.parametrize("attributes", [{"next": {"S": "x"}}, {"t": {"N": "1"}, "tzz": {"N": "1"}, "t01": {"S": "1"}}])
def test_a_queue_that_is_none(log: Log, attributes: Item) -> None:
    """Two append side by side as if there were no turns."""
    put(log, keys.QUEUE, attributes)
    other = sidecar_of(log.url)
    positions = [one.send(stranger(foreign(number))) for number, one in enumerate([log, other, log, other])]
    assert sorted(position.leaf_index for (position,) in positions) == [2, 3, 4, 5]
    for one in (log, other):
        one.writer.close()
