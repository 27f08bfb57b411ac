# SPDX-License-Identifier: Apache-2.0
"""A sidecar that cannot start says why, and leaves nothing behind: no leaf, no lock, no socket."""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.store import check_store
from audit_sidecar.run import run_sidecar
from audit_sidecar.settings import SidecarSettings
from audit_sidecar.stores.url import create_store, open_reader, open_writer, store_path
from audit_sidecar.tlog.keys import Signer
from contracts.errors import CountersignError, SettingInvalid
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import new_log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of a short name, with a key and a store."""
    with tempfile.TemporaryDirectory(prefix="cs", dir="/tmp") as name:
        made = Path(name)
        (made / "log.key").write_text(SIGNER.to_text() + "\n")
        (made / "log.key").chmod(0o600)
        create_store(f"sqlite:///{made / 'store.db'}", ORIGIN)
        yield made


def settings(folder: Path, **changes: Any) -> SidecarSettings:
    """Settings that would start, but for the changes."""
    whole: dict[str, Any] = {
        "store": f"sqlite:///{folder / 'store.db'}",
        "key": str(folder / "log.key"),
        "otlp_http": [f"unix:{folder / 'evidence.sock'}"],
        "audit": ["127.0.0.1:0"],
    }
    return msgspec.convert(whole | changes, SidecarSettings)


def another_key(folder: Path) -> dict[str, Any]:
    (folder / "other.key").write_text(Signer.from_seed("log.example.com/other", bytes(32)).to_text() + "\n")
    (folder / "other.key").chmod(0o600)
    return {"key": str(folder / "other.key")}


def no_key_in_it(folder: Path) -> dict[str, Any]:
    (folder / "log.key").write_text("not a key\n")
    return {}


def not_text(folder: Path) -> dict[str, Any]:
    (folder / "log.key").write_bytes(b"\xff\xfe")
    return {}


def foreign_store(folder: Path) -> dict[str, Any]:
    (folder / "store.db").write_bytes(b"something else")
    return {}


def bad_tokens(folder: Path) -> dict[str, Any]:
    (folder / "tokens.toml").write_text("[[token]]\nname = 1\n")
    return {"tokens": str(folder / "tokens.toml")}


def file_in_the_way(folder: Path) -> dict[str, Any]:
    (folder / "file").write_text("mine")
    return {"otlp_http": [f"unix:{folder / 'file'}"]}


REFUSALS: dict[str, tuple[Callable[[Path], dict[str, Any]], type[CountersignError], str]] = {
    "no key": (lambda folder: {"key": str(folder / "none.key")}, SettingInvalid, "keygen"),
    "a key file of something else": (no_key_in_it, SettingInvalid, r"log\.key"),
    "a key file that is no text": (not_text, SettingInvalid, r"log\.key"),
    "another log's key": (another_key, StoreRefused, "use the key of that log"),
    "no store": (lambda folder: {"store": f"sqlite:///{folder / 'none.db'}"}, StoreRefused, "store init"),
    "a folder as store": (lambda folder: {"store": f"sqlite:///{folder}"}, StoreRefused, "cannot"),
    "a foreign file": (foreign_store, StoreRefused, r"store\.db"),
    "an engine there is not": (lambda _: {"store": "mysql://x"}, StoreRefused, "sqlite:///"),
    "no token file": (lambda folder: {"tokens": str(folder / "none.toml")}, SettingInvalid, r"none\.toml"),
    "a malformed token file": (bad_tokens, SettingInvalid, "token 1"),
    "OTLP open to everyone": (lambda _: {"otlp_http": ["0.0.0.0:0"]}, SettingInvalid, "open to everyone"),
    "audit API open to everyone": (lambda _: {"audit": ["[::]:0"]}, SettingInvalid, "open to everyone"),
    "a malformed address": (lambda _: {"audit": ["8081"]}, SettingInvalid, "host:port"),
    "a file where the socket goes": (file_in_the_way, SettingInvalid, "no socket"),
}


@pytest.mark.parametrize(("change", "error", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_sidecar_that_cannot_start_says_why(
    folder: Path, change: Callable[[Path], dict[str, Any]], error: type[CountersignError], said: str
) -> None:
    """One line; afterwards nobody holds the store, and no socket stands about."""
    changes = change(folder)
    with pytest.raises(error, match=said) as caught:
        run_sidecar(settings(folder, **changes), "0.1.0")
    assert "\n" not in str(caught.value)
    assert not (folder / "evidence.sock").exists()
    if change is not foreign_store:
        assert open_reader(settings(folder).store).frontier().size == 0, "nothing was written"
        open_writer(settings(folder).store).close()


def test_a_busy_port_is_said_and_takes_nothing(folder: Path) -> None:
    """The socket that was already made goes away again."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(SettingInvalid, match="in use"):
            run_sidecar(settings(folder, audit=[f"127.0.0.1:{port}"]), "0.1.0")
    assert not (folder / "evidence.sock").exists()
    open_writer(settings(folder).store).close()


def test_a_second_sidecar_is_refused(folder: Path) -> None:
    """And does not disturb the first one's store or socket."""
    first = open_writer(settings(folder).store)
    with pytest.raises(StoreRefused, match="another sidecar"):
        run_sidecar(settings(folder), "0.1.0")
    first.close()


def test_a_damaged_store_is_refused_before_anything_listens(folder: Path, tmp_path: Path) -> None:
    """A row of the last tile that does not fit its payload."""
    log = new_log(tmp_path)
    log.publish_now()
    log.writer._connection.execute("UPDATE leaf SET time = time + 1")  # type: ignore[attr-defined]  # SQLite's own
    log.writer.close()
    with pytest.raises(StoreRefused, match=r"leaf 0 .*its row gives the hash"):
        run_sidecar(settings(folder, store=f"sqlite:///{store_path(log.url)}"), "0.1.0")
    assert not (folder / "evidence.sock").exists()


_RUN = """
import msgspec, sys
from audit_sidecar.run import run_sidecar
from audit_sidecar.settings import SidecarSettings
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
sys.exit(run_sidecar(msgspec.json.decode(sys.argv[1], type=SidecarSettings), "0.1.0"))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_sidecar_ends_cleanly(folder: Path, number: signal.Signals) -> None:
    """It is ready when it listens; on a signal it writes its end, signs it, and goes with exit code 0."""
    text = msgspec.json.encode(settings(folder)).decode()
    process = subprocess.Popen([sys.executable, "-uc", _RUN, text], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = next(line.split()[-1] for line in process.stdout if "audit API" in line)
    assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"status": "ready"}
    started = open_reader(settings(folder).store).frontier().size
    assert started >= 2, "its release and a heartbeat are durable before it is ready"
    process.send_signal(number)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0, rest
    reader = open_reader(settings(folder).store)
    kinds = [record.leaf.kind for record in reader.records(0, 99)]
    assert (kinds[0], kinds[-1], len(kinds)) == ("release", "end", started + 1)
    assert "heartbeat" in kinds
    assert check_store(reader, [SIGNER.verifier]).checkpoint.size == len(kinds)
    assert not (folder / "evidence.sock").exists()
