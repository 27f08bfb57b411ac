# SPDX-License-Identifier: Apache-2.0
"""Sidecars on one log in PostgreSQL, whose connections are cut at every message: one sound log."""

from hypothesis import strategies as st

from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import Log
from tests.audit_sidecar.stores.postgresql.cutting_proxy import Cut, CuttingProxy
from tests.audit_sidecar.stores.postgresql_server import Server
from tests.audit_sidecar.stores.sharing_machine import run_machine


class Databases:
    """A database for each log; sidecars reach it through the proxy."""

    def __init__(self, server: Server, proxy: CuttingProxy) -> None:
        self._server = server
        self.proxy = proxy
        self._direct = ""

    def begin(self) -> StoreReader:
        """Create a log of its own; a reader that goes past the proxy."""
        self._direct = self._server.new_database()
        create_store(self._direct, ORIGIN)
        return open_reader(self._direct)

    def started(self) -> Log:
        """A sidecar process that goes through the proxy."""
        url = self._direct.replace(f":{self._server.port}/", f":{self.proxy.port}/")
        return Log(url, open_reader(url), open_writer(url))

    def pass_time(self, log: Log) -> None:
        """Let it connect again at once."""
        log.writer._session._not_before = 0.0  # type: ignore[attr-defined]

    def crash(self, log: Log) -> None:
        """Its connection ends; nothing is said."""
        log.writer._session.connection.close()  # type: ignore[attr-defined]

    def lease_runs_out(self, log: Log) -> None:
        """As if seconds had gone by."""
        del log
        self._server.run(
            "UPDATE countersign.publisher SET until = '-infinity'", database=self._direct.rpartition("/")[2]
        )

    def indexer(self) -> None:
        """None: a commit brings its own index rows."""


def test_sidecars_that_share_a_log_keep_what_they_acknowledge(postgresql: Server, proxy: CuttingProxy) -> None:
    """Whatever is cut, whoever crashes: acknowledged is kept, one root for a size, each checkpoint extends the last."""
    cuts = st.tuples(st.integers(1, 60), st.sampled_from(Cut))
    run_machine(Databases(postgresql, proxy), cuts, examples=12, steps=20)
    assert proxy.cuts > 0
