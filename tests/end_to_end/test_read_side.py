# SPDX-License-Identifier: Apache-2.0
"""The read side as its own process, over a log in PostgreSQL that it may only read."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.query.entry import entry_of
from audit_sidecar.stores.store import Search
from audit_sidecar.stores.url import open_reader
from contracts import semconv
from contracts.address import free_ports
from countersign.stack import Program
from tests.audit_sidecar.stores.postgresql_server import Server, new_server, running
from tests.end_to_end.living import CHURN, LOYAL, Process, Reply, ask, await_true, await_value, countersign

READS = ("/api/records?limit=2", "/api/completeness", "/api/records/{id}", "/api/records/{id}/proof")
UNRECORDED = ("/log/checkpoint", "/log/tile/0/000.p/1", "/api/records/{id}/receipt", "/livez")


class Apart:
    """Service, sidecar and read side; the read side's login is a member of the auditors alone."""

    def __init__(self, folder: Path, server: Server) -> None:
        port, metrics, embedded, apart = free_ports(4)
        self.store = server.new_database()
        self.keys = folder / "keys"
        socket = f"unix:{folder / 'evidence.sock'}"
        assert countersign("keygen", "--origin", "log.example.com/apart", "--out", str(self.keys)).returncode == 0
        assert countersign("store", "init", self.store, "--key", str(self.keys / "log.key")).returncode == 0
        database = self.store.rpartition("/")[2]
        server.run("CREATE ROLE reads LOGIN", "GRANT countersign_auditor TO reads")
        self.embedded, self.url = f"http://127.0.0.1:{embedded}", f"http://127.0.0.1:{apart}"
        self.service_url = f"http://127.0.0.1:{port}"
        key, subject = str(self.keys / "log.key"), str(self.keys / "subject.key")
        arguments = ["sidecar", "--store", self.store, "--key", key, "--otlp-http", socket]
        self.sidecar = Process(
            Program("sidecar", [*arguments, "--audit", f"127.0.0.1:{embedded}"], f"{self.embedded}/readyz"),
            folder / "sidecar.log",
        )
        arguments = ["audit", "serve", server.url(database, "reads"), "--listen", f"127.0.0.1:{apart}"]
        self.side = Process(
            Program("read side", [*arguments, "--evidence", socket], f"{self.url}/readyz"), folder / "side.log"
        )
        arguments = ["serve", "--bundle", str(CHURN), "--evidence", socket, "--subject-key", subject]
        arguments += ["--port", str(port), "--metrics-port", str(metrics), "--audit-url", self.url]
        self.service = Process(Program("service", arguments, f"{self.service_url}/ready"), folder / "service.log")

    def end(self) -> None:
        """Leave no process behind."""
        for process in (self.service, self.side, self.sidecar):
            if process.popen is not None and process.popen.poll() is None:
                process.kill()

    def predict(self) -> str:
        """Ask for a prediction; its request id."""
        answer = ask("POST", f"{self.service_url}/predict", _body())
        assert answer.status == 200, answer
        return str(answer.body["request_id"])

    def asked(self) -> Counter[str]:
        """What access records in the log say was asked, and how often."""
        found = open_reader(self.store).search(Search(kind="access"), 1_000)
        return Counter(str((entry_of(record).attributes or {})[semconv.QUERY]) for record, _ in found)


def _body() -> bytes:
    features = ", ".join(f'"{name}": {value}' for name, value in LOYAL.items())
    return f'{{"customer_id": "C-1", {features}}}'.encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL of this module's own, for it makes a login."""
    with running(new_server()) as made:
        yield made


@pytest.fixture(scope="module")
def apart(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """All three, running."""
    made = Apart(tmp_path_factory.mktemp("apart"), server)
    try:
        for process in (made.sidecar, made.side, made.service):
            process.start()
        yield made
    finally:
        made.end()


def test_it_answers_as_the_embedded_one_does(apart: Apart) -> None:
    """Every route gives what the sidecar's own audit API gives, receipts through the service too."""
    request_id = apart.predict()
    receipt = await_value(
        lambda: ask("GET", f"{apart.service_url}/predict/{request_id}/receipt"), lambda found: found.status == 200
    )
    assert set(receipt.body) == {"leaf", "salt", "payload", "proof"}
    for route in (*READS[2:], "/livez", "/api/records?kind=prediction", "/api/records/x", "/nowhere", "/metrics"):
        path = route.replace("{id}", request_id)
        own, other = ask("GET", apart.url + path), ask("GET", apart.embedded + path)
        assert own.status == other.status, path
        assert own.headers["content-type"] == other.headers["content-type"]
        if isinstance(own.body, dict) and own.status == 200:
            assert own.body == other.body
    schemas = [ask("GET", f"{url}/schema/openapi.json").body["paths"] for url in (apart.url, apart.embedded)]
    assert schemas[0] == schemas[1]


def test_each_read_is_recorded_once_and_before_it_is_answered(apart: Apart) -> None:
    """The record stands in the log when the answer is there; receipts, probes and the log leave none."""
    request_id = apart.predict()
    await_value(lambda: ask("GET", f"{apart.url}/api/records/{request_id}/receipt"), lambda reply: reply.status == 200)
    before = apart.asked()
    for route in READS:
        path = route.replace("{id}", request_id)
        assert ask("GET", apart.url + path).status == 200
        assert (apart.asked() - before)[f"GET {path}"] == 1
    unrecorded = apart.asked()
    for route in UNRECORDED:
        ask("GET", apart.url + route.replace("{id}", request_id))
    assert apart.asked() == unrecorded


def test_without_the_sidecar_nothing_is_shown_and_it_comes_back(apart: Apart) -> None:
    """No record, no answer: 503 in bounded time, what needs no record goes on, and nobody restarts the read side."""
    apart.sidecar.kill()
    refused: list[Reply] = [ask("GET", f"{apart.url}/api/records?limit={number}") for number in range(3, 6)]
    assert [reply.status for reply in refused] == [503] * 3
    assert all(reply.headers["retry-after"] == "1" for reply in refused)
    assert "nothing is shown" in refused[0].body["detail"]
    assert ask("GET", f"{apart.url}/log/checkpoint").status == 200
    assert ask("GET", f"{apart.url}/livez").status == 200
    await_true(lambda: ask("GET", f"{apart.url}/readyz").status == 503, "readiness says so")
    apart.sidecar.start()
    await_true(apart.side.is_ready, "ready again")
    answered = await_value(lambda: ask("GET", f"{apart.url}/api/records?limit=7"), lambda reply: reply.status == 200)
    assert answered.body["entries"]
    asked = apart.asked()
    assert asked["GET /api/records?limit=7"] >= 1
    # The one that was in flight is in the log once; those refused at once were given no number.
    assert sum(asked[f"GET /api/records?limit={number}"] for number in range(3, 6)) <= 3
    assert all(asked[f"GET /api/records?limit={number}"] <= 1 for number in range(3, 6))


def test_it_is_one_sound_log_in_the_end(apart: Apart) -> None:
    """A clean end is the last record of its stream; fsck accepts the store, and completeness misses nothing."""
    assert apart.service.stop() == 0, apart.service.log()
    assert apart.side.stop() == 0, apart.side.log()
    assert apart.sidecar.stop() == 0, apart.sidecar.log()
    verdict = countersign("audit", "fsck", apart.store, "--key", str(apart.keys / "log.vkey"))
    assert verdict.returncode == 0, verdict
    counts = [count for count in open_reader(apart.store).stream_counts(None, None) if count.state.producer == "unix"]
    assert len(counts) == 2
    assert all(count.state.ended and count.records == count.last + 1 for count in counts)


def test_a_store_of_one_sidecar_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """SQLite has its read side in the sidecar."""
    found = countersign("audit", "serve", f"sqlite:///{tmp_path}/store.db", "--evidence", "unix:/nowhere")
    assert found.returncode == 2
    assert "countersign sidecar --audit" in found.stderr


def test_an_open_door_without_tokens_is_refused(tmp_path: Path) -> None:
    """As every server: other machines only with tokens."""
    found = countersign(
        "audit", "serve", "postgresql://x@127.0.0.1:9/y", "--evidence", "unix:/nowhere", "--listen", "0.0.0.0:8081"
    )
    assert found.returncode == 2
    assert "--tokens" in found.stderr


def test_a_signal_before_the_sidecar_is_there_ends_it(server: Server, tmp_path: Path) -> None:
    """It starts without a sidecar, is not ready, and ends with 1, for its stream has no last record."""
    store = server.new_database()
    assert countersign("keygen", "--origin", "log.example.com/alone", "--out", str(tmp_path)).returncode == 0
    assert countersign("store", "init", store, "--key", str(tmp_path / "log.key")).returncode == 0
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    arguments = ["audit", "serve", store, "--listen", f"127.0.0.1:{port}", "--evidence", f"unix:{tmp_path}/none"]
    side = Process(Program("read side", arguments, f"{url}/readyz"), tmp_path / "side.log")
    side.spawn()
    try:
        await_true(lambda: ask("GET", f"{url}/livez").status == 200, "it listens", side.log)
        assert ask("GET", f"{url}/readyz").status == 503
        assert ask("GET", f"{url}/api/records").status == 503
        side.signal(signal.SIGTERM)
        assert side.wait() == 1
        assert "last record" in side.log()
    finally:
        if side.popen is not None and side.popen.poll() is None:
            side.kill()


def test_with_tokens_each_side_knows_who_asks(server: Server, tmp_path: Path) -> None:
    """The read side shows a producer's token to the sidecar and asks auditors for theirs; the record has their name."""
    tokens = tmp_path / "tokens.toml"
    secrets: dict[str, str] = {}
    for name, role in (("reader", "producer"), ("anna", "auditor"), ("shop", "consumer")):
        made = countersign("token", name, "--role", role, "--tokens", str(tokens))
        assert made.returncode == 0, made
        secrets[role] = made.stdout.strip()
    (tmp_path / "token").write_text(secrets["producer"])
    store = server.new_database()
    assert countersign("keygen", "--origin", "log.example.com/tokens", "--out", str(tmp_path)).returncode == 0
    assert countersign("store", "init", store, "--key", str(tmp_path / "log.key")).returncode == 0
    otlp, audit, apart = (f"127.0.0.1:{port}" for port in free_ports(3))
    arguments = ["sidecar", "--store", store, "--key", str(tmp_path / "log.key"), "--tokens", str(tokens)]
    arguments += ["--otlp-http", otlp, "--audit", audit]
    sidecar = Process(Program("sidecar", arguments, f"http://{audit}/readyz"), tmp_path / "sidecar.log")
    arguments = ["audit", "serve", store, "--listen", apart, "--tokens", str(tokens)]
    arguments += ["--evidence", f"http://{otlp}", "--evidence-token", str(tmp_path / "token")]
    side = Process(Program("read side", arguments, f"http://{apart}/readyz"), tmp_path / "side.log")
    try:
        sidecar.start()
        side.start()

        def asked(role: str) -> int:
            return ask("GET", f"http://{apart}/api/records", None, {"Authorization": f"Bearer {secrets[role]}"}).status

        assert [asked(role) for role in ("auditor", "consumer", "producer")] == [200, 403, 403]
        assert ask("GET", f"http://{apart}/api/records").status == 401
        assert ask("GET", f"http://{apart}/log/checkpoint").status == 401
        ((record, _),) = open_reader(store).search(Search(kind="access"), 10)
        assert entry_of(record).caller == "anna"
        stream = record.leaf.stream
        assert stream is not None
        state = open_reader(store).stream(stream)
        assert state is not None
        assert state.producer == "reader"
        assert (side.stop(), sidecar.stop()) == (0, 0)
    finally:
        for process in (side, sidecar):
            if process.popen is not None and process.popen.poll() is None:
                process.kill()
