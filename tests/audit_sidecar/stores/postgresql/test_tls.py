# SPDX-License-Identifier: Apache-2.0
"""TLS to PostgreSQL, as the URL asks for it: the server is verified, or nothing is sent to it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.url import create_store, open_reader, open_writer, store_status
from tests.audit_sidecar.evidence_log import ORIGIN
from tests.audit_sidecar.producers import foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.certificates import Certificate, make_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of the server, for 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[Server]:
    """A server that can speak TLS."""
    made = new_server()
    for file, name in ((certificate.certificate, "server.crt"), (certificate.key, "server.key")):
        shutil.copy(file, made.folder / "data" / name)
        (made.folder / "data" / name).chmod(0o600)
        if made.user is not None:
            shutil.chown(made.folder / "data" / name, made.user)
    with running(made, "ssl=on"):
        yield made


def test_a_log_over_tls(server: Server, certificate: Certificate) -> None:
    """The server's name and authority are verified by reader and writer; status says that it was TLS."""
    url = f"{server.new_database()}?sslmode=verify-full&sslrootcert={certificate.authority}"
    create_store(url, ORIGIN)
    log = sidecar_of(url)
    log.send(stranger(foreign(1)))
    assert log.check().checkpoint.size == 2
    log.writer.close()
    assert dict(store_status(url))["transport"] == "TLS"
    assert dict(store_status(url.partition("?")[0] + "?sslmode=disable"))["transport"] == "without TLS"


def test_a_server_that_others_vouch_for_is_refused(server: Server, tmp_path: Path) -> None:
    """Nothing is asked of it, nor made there."""
    url = f"{server.new_database()}?sslmode=verify-full&sslrootcert={make_certificate(tmp_path, 'other').authority}"
    for opening in (open_reader, open_writer, lambda store: create_store(store, ORIGIN)):
        with pytest.raises(StoreRefused, match="certificate verify failed"):
            opening(url)
