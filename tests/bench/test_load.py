# SPDX-License-Identifier: Apache-2.0
"""Load is only a measurement while every answer is a success, whichever program makes it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import bodies
from bench.errors import BenchFailed
from bench.load import _ours, shoot
from bench.machine import file_system
from tests.loopback import Door, serving_at

SECONDS = 0.3


class Answering(Door):
    """Answers a POST with the status its path names, and keeps the bodies."""

    protocol_version = "HTTP/1.1"
    seen: set[bytes]

    def do_POST(self) -> None:
        """Keep the body, answer."""
        self.seen.add(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(int(self.path.removeprefix("/")))
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def url() -> Iterator[str]:
    """A server on loopback."""
    Answering.seen = set()
    with serving_at(Answering) as found:
        yield found


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Three different bodies."""
    return bodies.write(tmp_path / "bodies", map(bodies.single, bodies.accounts(3)))


def test_our_client_counts_what_was_answered(url: str, lines: Path) -> None:
    """Every body is sent, and rate and latencies are those of real exchanges."""
    shot = _ours(f"{url}/200", lines, 2, SECONDS)
    assert shot.requests > 0
    assert shot.seconds >= SECONDS
    assert 0 < shot.p50_ms <= shot.p99_ms
    assert set(lines.read_bytes().splitlines()) == Answering.seen


def test_our_client_stops_at_the_first_refusal(url: str, lines: Path) -> None:
    """A server that answers quickly with errors is not a fast one."""
    with pytest.raises(BenchFailed, match="503"):
        _ours(f"{url}/503", lines, 1, SECONDS)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_stops_at_a_refusal_too(url: str, lines: Path) -> None:
    """The script counts answers of other status."""
    with pytest.raises(BenchFailed, match="errors"):
        shoot(f"{url}/503", lines, 1, 1)
    assert shoot(f"{url}/200", lines, 1, 1).requests > 0


def test_accounts_are_the_same_for_the_same_seed_and_differ() -> None:
    """A run can be repeated; bodies vary."""
    assert bodies.accounts(50) == bodies.accounts(50)
    assert len({account.customer_id for account in bodies.accounts(50)}) > 40


def test_a_file_system_in_memory_is_known_as_such() -> None:
    """/dev/shm is tmpfs on Linux; the root of the checkout is named too."""
    assert file_system(Path("/dev/shm")) == "tmpfs"
    assert file_system(Path("/")) != "unknown"
