# SPDX-License-Identifier: Apache-2.0
"""Other people's verifiers accept our log, at every size where its shape changes, wherever they read it."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit_sidecar.fsck.check import check_log
from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.query.receipts import prove
from audit_sidecar.tlog.checkpoint import open_checkpoint
from contracts.leaf import leaf_text
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.query.asking import token_of_each_role
from tests.conformance.conftest import Logs
from tests.conformance.outside import fsck_accepts, judge
from tests.conformance.published import SIZES, VKEY
from tests.conformance.receiver.receivers import sidecar
from tests.conformance.receiver.sending import export, post
from tests.conformance.serving import serve_store
from tests.loopback import serve_folder

EVERY_SIZE = pytest.mark.parametrize("size", SIZES)


@EVERY_SIZE
def test_tessera_accepts_the_exported_folder(logs: Logs, size: int) -> None:
    """Tessera's fsck derives every tile and the root anew from the entries in the folder; so does ours."""
    assert fsck_accepts(logs(size).folder, VKEY)
    assert check_log(FolderLog(logs(size).folder), [SIGNER.verifier]).checkpoint.size == size


@EVERY_SIZE
def test_tessera_accepts_the_log_routes(logs: Logs, size: int) -> None:
    """The same over the audit API's own ``/log`` routes."""
    with serve_store(logs(size).url) as url:
        assert fsck_accepts(f"{url}/log", VKEY)


def test_tessera_reads_the_log_routes_with_a_token(logs: Logs, tmp_path: Path) -> None:
    """Where the log is not public, an auditor's token opens it and another one does not."""
    with serve_store(logs(257).url, token_of_each_role(tmp_path)) as url:
        verdicts = [fsck_accepts(f"{url}/log", VKEY, token) for token in ("auditor", "consumer", "")]
    assert verdicts == [True, False, False]


def test_tessera_accepts_a_log_that_grows_meanwhile(tmp_path: Path) -> None:
    """While a running sidecar takes spans, every checkpoint it shows has the files that belong to it."""

    def send(start: int) -> int:
        return post(running.tcp, export("growing", *range(start, start + 10))).status

    with sidecar(tmp_path) as running, ThreadPoolExecutor(1) as thread:
        vkey = running.state.log_vkey.read_text().strip()
        sending = [thread.submit(send, start) for start in range(0, 2_000, 10)]
        while not sending[-1].done():
            assert fsck_accepts(f"{running.audit}/log", vkey)
        assert {sent.result() for sent in sending} == {200}
        assert len(running.kept("growing")) == 2_000
        assert fsck_accepts(f"{running.audit}/log", vkey)


@EVERY_SIZE
def test_tessera_accepts_the_folder_behind_a_web_server(logs: Logs, size: int) -> None:
    """The same over a web server that only knows files."""
    with serve_folder(logs(size).folder) as url:
        assert fsck_accepts(url, VKEY)


@EVERY_SIZE
@pytest.mark.parametrize("program", ["sumdb", "formats"])
def test_strangers_open_the_checkpoint(logs: Logs, program: str, size: int) -> None:
    """The Go checksum database's note package and transparency-dev's checkpoint reader both take our note."""
    note = (logs(size).folder / "checkpoint").read_bytes()
    (verdict,) = judge(program, [{"ask": "note", "vkey": VKEY, "origin": ORIGIN, "text": note}])
    assert verdict.accepted, verdict.reason
    if program == "formats":
        ours = open_checkpoint(note, [SIGNER.verifier])
        assert (verdict.size, verdict.root) == (ours.size, ours.root)


@pytest.mark.parametrize("size", SIZES[1:])
def test_strangers_verify_the_proofs_that_we_give_out(logs: Logs, size: int) -> None:
    """transparency-dev's tlog-proof reader and proof verifier accept our proofs, at the edges of every tile."""
    reader = logs(size).reader
    edges = {0, 1, 254, 255, 256, 257, 511, 512, 65_535, 65_536, size - 2, size - 1}
    chosen = sorted({*edges, *random.Random(size).sample(range(size), min(size, 30))} & set(range(size)))
    questions = [_question(next(iter(reader.records(index, index + 1))).leaf, prove(reader, index)) for index in chosen]
    for index, verdict in zip(chosen, judge("formats", questions), strict=True):
        assert verdict.accepted, (index, verdict.reason)


def _question(leaf: object, proof: str) -> dict[str, object]:
    entry = leaf_text(leaf)  # type: ignore[arg-type]
    return {"ask": "tlog-proof", "vkey": VKEY, "origin": ORIGIN, "text": proof.encode(), "leaf": entry}
