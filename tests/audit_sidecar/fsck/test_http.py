# SPDX-License-Identifier: Apache-2.0
"""Reading a log over HTTP: the same verdicts as from a folder, and failures of the server are no verdict."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.fsck.check import BadTile, check_log
from audit_sidecar.fsck.http import HttpLog
from audit_sidecar.fsck.location import open_log
from audit_sidecar.fsck.reader import LogUnreadable
from tests.audit_sidecar.evidence_log import SIGNER, EvidenceLog, record
from tests.loopback import Door, serve_folder, serving_at

KEYS = [SIGNER.verifier]
LOG = EvidenceLog([record(number) for number in range(300)])


class Forbidding(Door):
    """Serves nothing."""

    def do_GET(self) -> None:
        """Refuse everything."""
        self.send_error(403)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return LOG.write(tmp_path)


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    with serve_folder(folder) as found:
        yield found


@pytest.fixture
def forbidding_url() -> Iterator[str]:
    with serving_at(Forbidding) as found:
        yield found


def test_a_served_log_is_sound(url: str) -> None:
    """A log under a prefix is checked whole, with a final slash or without."""
    assert check_log(open_log(url), KEYS).checkpoint.size == 300
    assert check_log(open_log(url + "/"), KEYS).checkpoint.size == 300


def test_a_missing_tile_is_a_fault_of_the_log(url: str, folder: Path) -> None:
    """A 404 means that the log lacks a file it must have."""
    (folder / "tile/0/001.p/44").unlink()
    with pytest.raises(BadTile, match="missing"):
        check_log(open_log(url), KEYS)


def test_no_log_at_the_prefix_is_unreadable(url: str) -> None:
    """Without a checkpoint there is nothing to judge."""
    with pytest.raises(LogUnreadable, match="no log"):
        check_log(open_log(url + "/elsewhere"), KEYS)


def test_a_refusing_server_is_unreadable(forbidding_url: str) -> None:
    """A 403 is a lack of permission, never a missing file."""
    with pytest.raises(LogUnreadable, match="403"):
        open_log(forbidding_url).checkpoint()
    with pytest.raises(LogUnreadable, match="403"):
        open_log(forbidding_url).tile(0, 0, 256)


def test_an_unreachable_server_is_unreadable() -> None:
    """Nothing listening, or a URL that no client understands, is unreadable."""
    with pytest.raises(LogUnreadable):
        HttpLog("http://127.0.0.1:1", timeout=5).checkpoint()
    with pytest.raises(LogUnreadable):
        HttpLog("http://127.0.0.1:notaport").checkpoint()


@pytest.mark.parametrize("location", ["file:///tmp/log", "ftp://example.com/"])
def test_other_schemes_are_refused(location: str) -> None:
    """No scheme is guessed."""
    with pytest.raises(LogUnreadable, match="a folder, an http URL"):
        open_log(location)
    with pytest.raises(LogUnreadable):
        HttpLog(location)
