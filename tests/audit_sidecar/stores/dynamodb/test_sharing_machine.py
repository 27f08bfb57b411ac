# SPDX-License-Identifier: Apache-2.0
"""Sidecars on one log in DynamoDB, an indexer beside them, and requests that fail in every way: one sound log."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.segments import Shape
from audit_sidecar.stores.index import Indexer
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import create_store, open_indexer, open_reader
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log, sidecar_of
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import Fault, FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb
from tests.audit_sidecar.stores.sharing_machine import run_machine

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"


class Tables:
    """Tables for each log; sidecars and indexers reach them through the proxy."""

    def __init__(self, server: DynamoDb, proxy: FaultyProxy) -> None:
        self._server = server
        self.proxy = proxy
        self._url = ""

    def begin(self) -> StoreReader:
        """Create a log of its own; a reader that goes past the proxy."""
        self._url = self._server.new_store()
        create_store(self._url, ORIGIN)
        return open_reader(self._url)

    def started(self) -> Log:
        """A sidecar process that goes through the proxy."""
        with self._through_the_proxy():
            log = sidecar_of(self._url)
        log.writer._turns.patience = 0.0  # type: ignore[attr-defined]
        log.writer._turns._sleep = lambda _: None  # type: ignore[attr-defined]
        return log

    def pass_time(self, log: Log) -> None:
        """Nothing is put off."""

    def crash(self, log: Log) -> None:
        """A client that asks no more is gone, as far as the service can tell."""

    def lease_runs_out(self, log: Log) -> None:
        """As if seconds had gone by."""
        log.writer._lease.hold()  # type: ignore[attr-defined]
        log.writer._lease._since -= 9.0  # type: ignore[attr-defined]

    def indexer(self) -> Indexer | None:
        """What follows the log with the index, if anything has to."""
        with self._through_the_proxy():
            return open_indexer(self._url)

    @contextmanager
    def _through_the_proxy(self) -> Iterator[None]:
        os.environ[ENDPOINT] = self.proxy.endpoint
        try:
            yield
        finally:
            os.environ[ENDPOINT] = self._server.endpoint


def test_sidecars_that_share_a_log_keep_what_they_acknowledge(
    dynamodb: DynamoDb, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails, whoever crashes: acknowledged is kept, one root for a size, each checkpoint extends the last."""
    monkeypatch.setattr(segments, "SHAPE", Shape(commits=2, leaves=6, block=2))
    faults = st.tuples(st.integers(1, 6), st.sampled_from(Fault))
    run_machine(Tables(dynamodb, proxy), faults, examples=8, steps=15)
    assert proxy.faults > 0
