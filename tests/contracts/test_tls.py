# SPDX-License-Identifier: Apache-2.0
"""TLS files: both or neither, readable, fitting; whatever else is one line that names the file."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.errors import SettingInvalid
from contracts.tls import client_tls, load_server_tls
from tests.certificates import Certificate, encrypt_key, make_certificate


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    """A certificate that fits its key."""
    return make_certificate(tmp_path)


def test_a_fitting_pair_is_loaded(made: Certificate) -> None:
    """The context wants TLS 1.2 at least, and the bytes are those of the files."""
    tls = load_server_tls(str(made.certificate), str(made.key))
    assert tls is not None
    assert tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (tls.certificate, tls.key) == (made.certificate.read_bytes(), made.key.read_bytes())


def test_without_files_there_is_no_tls() -> None:
    """Neither is a choice; only one is a mistake."""
    assert load_server_tls(None, None) is None
    for pair in (("a", None), (None, "a")):
        with pytest.raises(SettingInvalid, match="go together"):
            load_server_tls(*pair)


def _other_key(made: Certificate) -> Path:
    return make_certificate(made.key.parent / "other").key


def _no_key(made: Certificate) -> Path:
    return made.certificate


def _gone(made: Certificate) -> Path:
    return made.key.with_name("gone.key")


def _under_password(made: Certificate) -> Path:
    return encrypt_key(made, b"secret")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (_other_key, "is not the key of the certificate"),
        (_no_key, "unencrypted PEM key"),
        (_gone, "cannot read --tls-key .*gone.key"),
        (_under_password, "unencrypted PEM key"),
    ],
)
def test_a_key_that_does_not_do_is_refused(made: Certificate, key: Callable[[Certificate], Path], says: str) -> None:
    """In one line; a key under a password never asks for it."""
    with pytest.raises(SettingInvalid, match=says) as refused:
        load_server_tls(str(made.certificate), str(key(made)))
    assert "\n" not in str(refused.value)


def test_a_certificate_that_is_none_is_refused(made: Certificate) -> None:
    """Text in its place is told by name."""
    made.certificate.write_text("no certificate")
    with pytest.raises(SettingInvalid, match=str(made.certificate)):
        load_server_tls(str(made.certificate), str(made.key))


def test_a_client_checks_names_and_versions(made: Certificate) -> None:
    """Only servers of the given authority, by their name, over TLS 1.2 at least."""
    context = client_tls(str(made.authority), "--ca-file")
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff"])
def test_authorities_that_are_none_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing or empty file never falls back to the system's authorities."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingInvalid, match="--ca-file"):
        client_tls(str(file), "--ca-file")
