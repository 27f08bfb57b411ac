# SPDX-License-Identifier: Apache-2.0
"""Addresses: two spellings, strict reading, private sockets, and refusals that say what is in the way."""

import gc
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.address import Address, bind, bound_port, free_ports, is_free, parse_address
from contracts.errors import SettingInvalid

HOSTS = st.sampled_from(["127.0.0.1", "::1", "localhost", "evidence.example.com", "0.0.0.0", "::"])
ADDRESSES = st.one_of(
    st.builds(lambda host, port: Address(host, port), HOSTS, st.integers(0, 65535)),
    st.builds(lambda path: Address(path=path), st.text("abc/. :é", min_size=1, max_size=40)),
)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="cs", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@given(ADDRESSES)
def test_an_address_reads_back(address: Address) -> None:
    """Round trip of both forms, IPv6 in brackets."""
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "host", "host:", "host:x", "host:-1", "host:65536", "host:1e3", "host:٨", "host: 80", "unix:",
     "unix:" + "a" * 101, "unix:" + "é" * 51, "unix:/tmp/a\x00b", "[]:80"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """One clear message, not a failure when it is bound."""
    with pytest.raises(SettingInvalid):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:1", True), ("127.9.9.9:1", True), ("[::1]:1", True), ("localhost:1", True), ("unix:/x", True),
        ("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.1:1", False), ("example.com:1", False),
        ("localhost.example.com:1", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_local(text: str, local: bool) -> None:
    """What decides whether tokens are needed errs on the side of asking for them."""
    assert parse_address(text).is_local is local


def test_a_unix_socket_is_private_and_can_be_taken_over_when_abandoned(short: Path) -> None:
    """Mode 0600 from the first moment; a socket file that nobody listens on is replaced."""
    path = short / "s.sock"
    mask = os.umask(0)
    try:
        bind(Address(path=str(path))).close()
    finally:
        assert os.umask(mask) == 0, "the process's mask is as before"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with bind(Address(path=str(path))) as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert listener.getsockname() == str(path)


def test_a_listening_socket_is_not_taken_away(short: Path) -> None:
    """Two sidecars on one path would each get half of the evidence."""
    address = Address(path=str(short / "s.sock"))
    with bind(address), pytest.raises(SettingInvalid, match="another process"):
        bind(address)


def test_a_file_in_the_way_is_kept(short: Path) -> None:
    """Never removed for being where a socket was wanted."""
    (short / "file").write_text("mine")
    with pytest.raises(SettingInvalid, match="no socket"):
        bind(Address(path=str(short / "file")))
    assert (short / "file").read_text() == "mine"


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 64 + ".example", "x" * 300, "a..b"])
def test_a_host_that_cannot_be_listened_on_is_refused(host: str) -> None:
    """Whatever the resolver or the kernel says, it is said as a setting's fault, and no socket is left open."""
    with pytest.raises(SettingInvalid, match="cannot listen"):
        bind(Address(host, 0))
    gc.collect()  # an unclosed socket would be a warning, and warnings are errors


@pytest.mark.parametrize("port", [-1, 65536, 1 << 70])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    """Numbers come from a command line too."""
    with pytest.raises(SettingInvalid, match="cannot listen"):
        bind(Address("127.0.0.1", port))
    gc.collect()


def test_a_missing_folder_is_refused(short: Path) -> None:
    """With the address in the message."""
    with pytest.raises(SettingInvalid, match="cannot listen on unix:"):
        bind(Address(path=str(short / "none" / "s.sock")))
    gc.collect()


def test_a_port_is_taken_once() -> None:
    """A busy port is refused and not called free; the ports that are called free differ."""
    with bind(Address("127.0.0.1", 0)) as listener:
        taken = Address("127.0.0.1", bound_port(listener))
        assert not is_free(taken)
        with pytest.raises(SettingInvalid, match="in use"):
            bind(taken)
    gc.collect()
    assert is_free(taken)
    assert len(set(free_ports(8))) == 8
