# SPDX-License-Identifier: Apache-2.0
"""Several keys of one log: read strictly, every one signs, and the log names them once per change."""

from pathlib import Path

import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.log_keys import announcement, load_signers, parse_signers
from audit_sidecar.sequence.export import OwnRecord
from audit_sidecar.sequence.head import load_head
from audit_sidecar.tlog.keys import generate_signer
from contracts.errors import SettingInvalid
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log

OLD, NEW = SIGNER, generate_signer(ORIGIN)


def test_the_first_line_is_the_current_key(tmp_path: Path) -> None:
    """All lines are read in order; the last line feed may be missing."""
    for text in (f"{NEW.to_text()}\n{OLD.to_text()}\n", f"{NEW.to_text()}\n{OLD.to_text()}"):
        (tmp_path / "log.key").write_text(text)
        assert load_signers(tmp_path / "log.key") == (NEW, OLD)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "log.key:1"),
        (f"{OLD.to_text()}\n\n{NEW.to_text()}\n", "log.key:2"),
        (f"{OLD.to_text()}\n{OLD.to_text()}\n", "log.key:2.*twice"),
        (f"{OLD.to_text()}\n{generate_signer('other.example/log').to_text()}\n", "log.key:2.*one log"),
        (f"{OLD.to_text()}\n{NEW.verifier.to_text()}\n", "log.key:2"),
    ],
)
def test_anything_else_is_refused_by_line_and_shows_no_secret(text: str, says: str) -> None:
    """A file that is half a key file is none, and no error repeats a private key."""
    with pytest.raises(SettingInvalid, match=says) as refused:
        parse_signers(text, "log.key")
    assert OLD.to_text().split("+", 4)[4] not in str(refused.value)


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    """One line that says how to mend it."""
    with pytest.raises(SettingInvalid, match="keygen"):
        load_signers(tmp_path / "log.key")


def test_keys_are_announced_once_per_change(log: Log) -> None:
    """A new log names its keys; a restart with the same keys, in whatever order, is silent; a change is named."""
    both = (NEW.verifier, OLD.verifier)
    for verifiers in ((OLD.verifier,), both, (NEW.verifier,), (OLD.verifier,)):
        attributes = announcement(verifiers, log.reader)
        assert attributes is not None
        log.send(OwnRecord("key", attributes))
        assert announcement(verifiers[::-1], log.reader) is None
    assert log.kinds().count("key") == 4
    log.check()


def test_a_key_file_without_the_key_that_signed_is_refused(log: Log) -> None:
    """The old key was dropped before the new one had signed: the refusal says that it belongs beside it."""
    log.publish_now()
    with pytest.raises(StoreRefused, match="rotation keeps the old key"):
        load_head(log.reader, [NEW.verifier])
    assert load_head(log.reader, [NEW.verifier, OLD.verifier]).checkpoint is not None
