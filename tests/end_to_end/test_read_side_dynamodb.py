# SPDX-License-Identifier: Apache-2.0
"""The read side as its own process over a log in DynamoDB, with TLS on every TCP listener of it and of the sidecar."""

import ssl
import urllib.request
from pathlib import Path

import pytest

from audit_sidecar.query.entry import entry_of
from audit_sidecar.stores.store import Search
from audit_sidecar.stores.url import open_reader
from contracts import semconv
from contracts.address import free_ports
from countersign.stack import Program
from tests.audit_sidecar.stores.dynamodb_local import running
from tests.certificates import make_certificate
from tests.end_to_end.living import Process, ask, await_value, countersign


def test_it_reads_over_tls_alone_and_records_who_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, proofs and tiles come over TLS, each read is in the log, nothing answers in the clear; one sound log."""
    made = make_certificate(tmp_path / "tls")
    context = ssl.create_default_context(cafile=str(made.authority))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    monkeypatch.setattr(urllib.request, "_opener", opener)
    with running() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        keys, store = tmp_path / "keys", server.new_store()
        assert countersign("keygen", "--origin", "log.example.com/apart", "--out", str(keys)).returncode == 0
        assert countersign("store", "init", store, "--key", str(keys / "log.key")).returncode == 0
        otlp, audit, apart = free_ports(3)
        tls = ("--tls-cert", str(made.certificate), "--tls-key", str(made.key))
        arguments = ["sidecar", "--store", store, "--key", str(keys / "log.key"), *tls]
        arguments += ["--otlp-http", f"127.0.0.1:{otlp}", "--audit", f"127.0.0.1:{audit}"]
        sidecar = Process(Program("sidecar", arguments, f"https://127.0.0.1:{audit}/readyz"), tmp_path / "sidecar.log")
        url = f"https://127.0.0.1:{apart}"
        arguments = ["audit", "serve", store, "--listen", f"127.0.0.1:{apart}", *tls]
        arguments += ["--evidence", f"https://localhost:{otlp}", "--ca-file", str(made.authority)]
        side = Process(Program("read side", arguments, f"{url}/readyz"), tmp_path / "side.log")
        try:
            sidecar.start()
            side.start()
            found = ask("GET", f"{url}/api/records?kind=release")
            assert (found.status, found.body["total"]) == (200, 2), "the sidecar's and the read side's own"
            checkpoint = await_value(lambda: ask("GET", f"{url}/log/checkpoint"), lambda reply: reply.status == 200)
            assert "log.example.com/apart" in str(checkpoint.body)
            assert ask("GET", f"{url}/api/completeness").status == 200
            assert ask("GET", url.replace("https:", "http:") + "/livez").status != 200
            assert side.stop() == 0, side.log()
            assert sidecar.stop() == 0, sidecar.log()
        finally:
            for process in (side, sidecar):
                if process.popen is not None and process.popen.poll() is None:
                    process.kill()
        reads = [entry_of(record) for record, _ in open_reader(store).search(Search(kind="access"), 100)]
        asked = [(entry.attributes or {})[semconv.QUERY] for entry in reads]
        assert asked == ["GET /api/completeness", "GET /api/records?kind=release"]
        verdict = countersign("audit", "fsck", store, "--key", str(keys / "log.vkey"))
        assert verdict.returncode == 0, verdict
