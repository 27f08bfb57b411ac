# SPDX-License-Identifier: Apache-2.0
"""The shared store of a release: real PostgreSQL inside the cluster's network, over TLS and with a password."""

import secrets
import shutil
from pathlib import Path
from typing import Final

from tests.audit_sidecar.stores.postgresql_server import new_server, remove
from tests.cluster.authority import Authority
from tests.end_to_end.living import countersign

ADDRESS: Final = "10.0.0.200"
LOGIN: Final = "countersign"
_ENCRYPTED_ALONE: Final = "hostssl all all 10.0.0.0/8 scram-sha-256\n"


class Database:
    """A server with an empty log. ``owner_url`` may do everything, ``url`` is what pods are told."""

    def __init__(self, authority: Authority, log_key: Path) -> None:
        self._server = new_server()
        self._encrypt(authority)
        files = [f"ssl_{part}_file={self._server.folder / f'server.{part}'}" for part in ("cert", "key")]
        self._server.start(f"listen_addresses=127.0.0.1,{ADDRESS}", "ssl=on", *files)
        self.password = secrets.token_hex(16)
        self.owner_url = self._server.new_database()
        made = countersign("store", "init", self.owner_url, "--key", str(log_key))
        assert made.returncode == 0, made
        self._server.run(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{self.password}' IN ROLE countersign_sidecar")
        database = self.owner_url.rpartition("/")[2]
        self.url = f"postgresql://{LOGIN}@{ADDRESS}:{self._server.port}/{database}?sslmode=verify-full"

    def end(self) -> None:
        """Leave nothing behind."""
        remove(self._server)

    def _encrypt(self, authority: Authority) -> None:
        identity = authority.identity("database", "database", addresses=(ADDRESS,))
        for source, part in ((identity.certificate, "cert"), (identity.key, "key")):
            place = self._server.folder / f"server.{part}"
            shutil.copy(source, place)
            place.chmod(0o600)
            if self._server.user is not None:
                shutil.chown(place, self._server.user)
        with (self._server.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(_ENCRYPTED_ALONE)
