# SPDX-License-Identifier: Apache-2.0
"""What cannot start says so in one clear line on stderr, with a mend and without a traceback."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from contracts.address import free_ports
from countersign.state import State, prepare_state
from tests.end_to_end.living import CHURN, ROOT, Living, countersign, living


def _refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Keys and a fresh store."""
    return prepare_state(tmp_path / "state")


def _sidecar(state: State, **changed: str) -> subprocess.CompletedProcess[str]:
    flags = {"store": state.store, "key": str(state.log_key), "otlp-http": f"unix:{state.socket}"} | changed
    flags.setdefault("audit", f"127.0.0.1:{free_ports(1)[0]}")
    return countersign("sidecar", *(word for name, value in flags.items() for word in (f"--{name}", value)))


def _serve(bundle: Path, *more: str) -> subprocess.CompletedProcess[str]:
    port, metrics_port = free_ports(2)
    return countersign(
        "serve", "--bundle", str(bundle), "--evidence", "unix:/nowhere.sock", "--port", str(port),
        "--metrics-port", str(metrics_port), *more,
    )  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of a bundle, to be broken."""
    return Path(shutil.copytree(CHURN, tmp_path / "bundle"))


BROKEN_BUNDLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda b: shutil.rmtree(b), "is not a folder"),
    "no card": (lambda b: (b / "card.yaml").unlink(), "card.yaml"),
    "no artifact": (lambda b: (b / "model.onnx").unlink(), "model.onnx"),
    "other artifact": (lambda b: (b / "model.onnx").write_bytes((b / "model.onnx").read_bytes() + b"\0"), "model.onnx"),
    "unknown key": (lambda b: _append(b / "card.yaml", "surprise: 1\n"), "card.yaml:"),
    "duplicate key": (lambda b: _append(b / "card.yaml", "model_id: other\n"), "card.yaml:"),
    "not YAML": (lambda b: _append(b / "card.yaml", "  : [\n"), "card.yaml:"),
}


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("broken", BROKEN_BUNDLES)
def test_a_broken_bundle_is_not_served(bundle: Path, state: State, broken: str) -> None:
    """A missing file, a digest that differs from the card's, or a card that cannot be read."""
    break_it, word = BROKEN_BUNDLES[broken]
    break_it(bundle)
    _refused(_serve(bundle, "--subject-key", str(state.subject_key)), word)


def test_a_missing_subject_key_is_named(tmp_path: Path) -> None:
    """The service makes no pseudonyms without a key."""
    _refused(_serve(CHURN, "--subject-key", str(tmp_path / "none.key")), "none.key")


def test_a_port_in_use_is_named(state: State) -> None:
    """The line names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _refused(_sidecar(state, audit=f"127.0.0.1:{port}"), f"127.0.0.1:{port}", "in use")
        _refused(
            countersign("serve", "--bundle", str(CHURN), "--evidence", "unix:/nowhere.sock", "--subject-key",
                        str(state.subject_key), "--port", str(port), "--metrics-port", "0"),
            str(port),
        )  # fmt: skip


def test_beyond_loopback_without_tokens_is_refused(state: State) -> None:
    """Nobody is let in from elsewhere without a token."""
    _refused(_sidecar(state, audit="0.0.0.0:0"), "--tokens")
    _refused(_serve(CHURN, "--subject-key", str(state.subject_key), "--host", "0.0.0.0"), "tokens")


def test_a_store_without_a_log_is_refused(state: State, tmp_path: Path) -> None:
    """A sidecar never creates a log, and names the command that does."""
    _refused(_sidecar(state, store=f"sqlite:///{tmp_path}/none.db"), "store init")
    (tmp_path / "other.db").write_bytes(b"")
    _refused(_sidecar(state, store=f"sqlite:///{tmp_path}/other.db"), "store init")
    (tmp_path / "text.db").write_bytes(b"not a database at all" * 100)
    _refused(_sidecar(state, store=f"sqlite:///{tmp_path}/text.db"), "text.db")


def test_a_log_is_created_once(state: State) -> None:
    """`store init` refuses a store that has a log."""
    _refused(countersign("store", "init", state.store, "--key", str(state.log_key)), "exists already")


def test_another_logs_key_is_refused(state: State, tmp_path: Path) -> None:
    """The key's name is the log's origin."""
    other = prepare_state(tmp_path / "other")
    _refused(_sidecar(state, key=str(other.log_key)), "key")
    (tmp_path / "broken.key").write_text("PRIVATE+KEY+x")
    _refused(_sidecar(state, key=str(tmp_path / "broken.key")), "broken.key")


def test_a_second_sidecar_is_refused(tmp_path: Path) -> None:
    """One store has one writer."""
    with living(tmp_path / "first") as stack:
        _refused(_sidecar(stack.state, **{"otlp-http": f"unix:{tmp_path}/second.sock"}), "another sidecar")


def test_keys_without_a_store_stop_up(state: State) -> None:
    """State was lost: a log is never begun twice under one name."""
    state.store_file.unlink()
    port, audit_port = free_ports(2)
    done = countersign(
        "up", "--bundle", str(CHURN), "--data", str(state.folder), "--port", str(port), "--audit-port", str(audit_port)
    )
    _refused(done, "new origin")


DAMAGE = {
    "behind its checkpoint": "UPDATE checkpoint SET size = size + 1",
    "another root": "UPDATE checkpoint SET root = zeroblob(32)",
    "another leaf": "UPDATE leaf SET time = time + 1 WHERE leaf_index = 3",
    "another payload": "UPDATE payload SET salt = zeroblob(32) WHERE leaf_index = 3",
    "another origin": "UPDATE log SET origin = 'elsewhere.example/log'",
    "a lost leaf": "DELETE FROM leaf WHERE leaf_index = 4",
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A stack that served, published and ended."""
    with living(tmp_path_factory.mktemp("stopped")) as stack:
        stack.predict({"tenure_months": 1, "monthly_charges": 1, "total_charges": 1, "num_complaints": 1})
        stack.stop()
        yield stack


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_not_continued(stopped: Living, tmp_path: Path, damage: str) -> None:
    """The edge is verified before the first signature: a log is never signed on over leaves that do not bear it out."""
    copy = tmp_path / "store.db"
    shutil.copyfile(stopped.state.store_file, copy)
    database = apsw.Connection(str(copy))
    database.execute(DAMAGE[damage])
    database.close()
    _refused(_sidecar(stopped.state, store=f"sqlite:///{copy}"))


def test_a_rolled_back_log_is_not_continued(stopped: Living, tmp_path: Path) -> None:
    """Leaves that a checkpoint covers but the store lost are found out."""
    copy = tmp_path / "store.db"
    shutil.copyfile(stopped.state.store_file, copy)
    database = apsw.Connection(str(copy))
    older = tmp_path / "older.db"
    fresh = prepare_state(tmp_path / "fresh")
    shutil.copyfile(fresh.store_file, older)
    early = apsw.Connection(str(older))
    early.execute("UPDATE log SET origin = ?", (stopped.evidence().reader.origin(),))
    for row in database.execute("SELECT * FROM checkpoint"):
        early.execute("INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)", row)
    database.close()
    early.close()
    _refused(_sidecar(stopped.state, store=f"sqlite:///{older}"), "leaves were lost")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["nonsense"], 64), (["serve", "--nonsense"], 64), (["audit", "show"], 64), (["sidecar"], 2), ([], 64)],
)
def test_misuse_is_told_from_failure(words: list[str], code: int) -> None:
    """A mistyped command line exits 64, a missing setting 2; neither prints a traceback."""
    done = countersign(*words)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_settings_come_from_the_environment_and_are_checked(state: State) -> None:
    """A mistyped setting is named with its path, wherever it came from."""
    command = [sys.executable, "-m", "countersign", "sidecar", "--store", state.store, "--key", str(state.log_key)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=30,
        env={"PATH": "/usr/bin", "COUNTERSIGN_RECEIVE__BODY_LIMIT": "lots"},
    )  # fmt: skip
    _refused(done, "receive", "body_limit")
