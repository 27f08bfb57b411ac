# SPDX-License-Identifier: Apache-2.0
"""One test per promise that stands today, named after it; see ARCHITECTURE.md."""

import base64
import hashlib
import http.client
import json
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from audit_sidecar.query.parameters import Filters, search_of
from audit_sidecar.stores.kept_span import KeptSpan, SpanKeeper
from audit_sidecar.stores.row_values import unsigned
from audit_sidecar.stores.sqlite.rows import subject_text
from audit_sidecar.stores.store import Finding, Search
from audit_sidecar.stores.url import open_reader
from contracts import semconv
from contracts.bundle import load_bundle
from contracts.identifiers import IdSource, uuid_text
from contracts.leaf import Leaf
from contracts.otlp import EvidenceSpan, encode_export, encode_resource, encode_scope, encode_span, with_sequence
from contracts.release import Release
from tests.audit_sidecar.stores.postgresql_server import new_server, remove
from tests.end_to_end.living import CHURN, LEAVING, LOYAL, Living, await_true, await_value, countersign, living
from tests.end_to_end.pods import Pod
from tests.policies.desk import TELCO, lay_out
from tests.policies.rules import own_rule

EVASION_ENVIRONMENT = {
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "OTEL_RESOURCE_ATTRIBUTES": "service.name=forged",
}


def test_p1_no_evidence_no_answer(own_stack: Living) -> None:
    """While the sidecar is stopped nobody gets an answer; every answer given is in the log when it arrives."""
    before = own_stack.predict(LOYAL)
    record = own_stack.evidence().show(bytes.fromhex(before.body["request_id"].replace("-", "")))
    assert record.record.index == before.body["evidence"]["index"]
    assert record.record.leaf_hash == before.body["evidence"]["leaf_hash"]

    own_stack.sidecar.signal(signal.SIGSTOP)
    withheld = own_stack.predict(LEAVING)
    refused = own_stack.predict(LEAVING)
    own_stack.sidecar.signal(signal.SIGCONT)
    assert (withheld.status, refused.status) == (503, 503)
    assert withheld.headers["retry-after"]
    assert withheld.body["request_id"]

    # The record that came too late stays, and beside it the record that its answer was withheld.
    kinds = await_value(
        lambda: [r.leaf.kind for r in own_stack.evidence().reader.about(_raw(withheld.body["request_id"]))],
        lambda found: len(found) == 2,
    )
    assert kinds == ["prediction", "withheld"]
    again = await_value(lambda: own_stack.predict(LOYAL), lambda reply: reply.status == 200)
    assert again.body["evidence"]["index"] > before.body["evidence"]["index"]


def test_p2_nobody_can_opt_out(tmp_path: Path) -> None:
    """Neither OTEL_* variables nor trace headers change what the log holds of a prediction."""
    with living(tmp_path / "plain") as plain, living(tmp_path / "evading", environment=EVASION_ENVIRONMENT) as evading:
        ordinary = plain.predict(LEAVING).body
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        evasive = evading.predict(
            LEAVING, traceparent=trace, tracestate="x=1", baggage="sampled=false", X_B3_Sampled="0"
        ).body
        records = [
            stack.evidence().show(_raw(answer["request_id"])).record
            for stack, answer in ((plain, ordinary), (evading, evasive))
        ]
    assert all(record.kind == "prediction" and not record.erased for record in records)
    constant = [
        (r.seq, r.features, r.label, r.score, r.threshold, r.explanation, r.status, r.caller, r.release)
        for r in records
    ]
    assert constant[0] == constant[1]
    # The caller's trace id is a link in the record, never the record's own id.
    assert records[1].trace == evasive["request_id"].replace("-", "")


def test_p3_nothing_goes_missing_unseen(own_stack: Living) -> None:
    """A hole in a stream becomes a gap record, a metric and a line in the report; refusals are recorded as well."""
    own_stack.predict({**LOYAL, "tenure_months": -1})
    rejects = await_value(lambda: own_stack.audit("/api/records?kind=reject").body, lambda found: found["total"] == 1)
    assert rejects["entries"][0]["attributes"][semconv.FIELD] == "$.tenure_months"
    assert "features" not in rejects["entries"][0]

    stream = _Producer(own_stack)
    stream.send(0, "release")
    stream.send(1, "heartbeat")
    stream.send(5, "heartbeat")
    report = own_stack.audit("/api/completeness").body
    ours = next(s for s in report["streams"] if s["stream"] == uuid_text(stream.stream))
    assert not report["complete"]
    assert ours["missing"] == 3
    assert [(gap["first"], gap["last"]) for gap in ours["gaps"]] == [(2, 4)]
    gap = own_stack.audit("/api/records?kind=gap").body["entries"][0]
    assert gap["attributes"][semconv.TARGET_STREAM] == uuid_text(stream.stream)
    metrics = own_stack.audit("/metrics").body.decode()
    assert "countersign_audit_missing_records_total 3.0" in metrics
    assert own_stack.fsck().returncode == 0


def test_p3_everything_a_period_holds_is_counted(stack: Living) -> None:
    """The service's acknowledged counter, its stream in the report and the records in the log agree."""
    for number in range(5):
        stack.predict(LOYAL, customer=f"count-{number}")
    report = stack.audit("/api/completeness").body
    ours = next(s for s in report["streams"] if s["producer"] == "unix")
    assert ours["count"] == ours["last"] + 1
    text = stack.get("/metrics").body.decode()
    line = next(line for line in text.splitlines() if line.startswith("countersign_evidence_acknowledged_total "))
    assert float(line.split()[1]) == ours["count"]
    made = [line.split()[1] for line in text.splitlines() if line.startswith("countersign_predictions_total{")]
    assert stack.evidence().reader.count(Search(kind="prediction")) == sum(map(float, made))


_ROW = ("leaf", "payload")


def _run(*statements: str) -> Callable[[apsw.Connection, int], None]:
    def edit(database: apsw.Connection, index: int) -> None:
        for statement in statements:
            database.execute(statement, {"i": index})

    return edit


def _close_up(database: apsw.Connection, index: int) -> None:
    (last,) = next(iter(database.execute("SELECT max(leaf_index) FROM leaf")))
    for table in _ROW:
        database.execute(f"DELETE FROM {table} WHERE leaf_index = ?", (index,))
        for moved in range(index + 1, last + 1):
            database.execute(f"UPDATE {table} SET leaf_index = ? WHERE leaf_index = ?", (moved - 1, moved))
    database.execute("UPDATE log SET size = size - 1")


def _swap(database: apsw.Connection, index: int) -> None:
    for table in _ROW:
        for old, new in ((index, -1), (index + 1, index), (-1, index + 1)):
            database.execute(f"UPDATE {table} SET leaf_index = ? WHERE leaf_index = ?", (new, old))


def _edit_answer(database: apsw.Connection, index: int) -> None:
    (row,) = database.execute(
        "SELECT l.commitment, l.span, l.time, l.trace, p.subject, p.score, p.dictionary, p.span"
        " FROM leaf AS l JOIN payload AS p USING (leaf_index) WHERE leaf_index = ?", (index,)
    )  # fmt: skip
    commitment, span_id, time, trace, subject, score, *kept = row
    leaf = Leaf(commitment, "prediction", span_id, unsigned(time), trace)
    spans = SpanKeeper()
    finding = Finding(subject_text(subject), None, score)
    span = spans.unpack(KeptSpan(*kept), leaf, finding)
    edited = span.replace(b"retain", b"churn!")
    assert edited != span
    database.execute(
        "UPDATE payload SET dictionary = ?, span = ? WHERE leaf_index = ?", (*spans.pack(edited, leaf, finding), index)
    )


EDITS: dict[str, Callable[[apsw.Connection, int], None]] = {
    "edit the answer": _edit_answer,
    "edit the leaf": _run("UPDATE leaf SET time = time + 1 WHERE leaf_index = :i"),
    "delete": _run(*(f"DELETE FROM {table} WHERE leaf_index = :i" for table in _ROW)),
    "delete and close up": _close_up,
    "reorder": _swap,
    "insert": _run(
        "INSERT INTO leaf SELECT (SELECT max(leaf_index) + 1 FROM leaf), leaf_hash, commitment, kind, trace, span,"
        " time, stream, seq, about FROM leaf WHERE leaf_index = :i"
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_p4_history_cannot_be_rewritten_unseen(stack: Living, tmp_path: Path, edit: str) -> None:
    """Whoever edits, deletes, reorders or inserts on the disk is found out with the log and its public key alone."""
    answers = [stack.predict(LOYAL, customer=f"C-{number}") for number in range(3)]
    covered = answers[-1].body["evidence"]["index"]
    await_true(lambda: int(stack.audit("/log/checkpoint").body.splitlines()[1]) > covered, "a covering checkpoint")
    copy = tmp_path / "copy.db"
    _copy_live(stack, copy)
    url = f"sqlite:///{copy}"
    assert countersign("audit", "fsck", url, "--key", str(stack.state.log_vkey)).returncode == 0

    database = apsw.Connection(str(copy))
    EDITS[edit](database, answers[0].body["evidence"]["index"])
    database.close()
    verdict = countersign("audit", "fsck", url, "--key", str(stack.state.log_vkey))
    assert verdict.returncode == 1, verdict
    assert "NOT SOUND" in verdict.stdout


def test_p5_strangers_can_verify(stack: Living) -> None:
    """A receipt verifies with code that is not ours: RFC 6962 and C2SP from their texts, spans by the stock protos."""
    answer = stack.predict(LEAVING, customer="C-stranger").body
    receipt = json.loads(stack.receipt(answer["request_id"]))
    payload, salt = base64.b64decode(receipt["payload"]), base64.b64decode(receipt["salt"])
    leaf = json.loads(receipt["leaf"])
    assert leaf["commitment"] == hashlib.sha256(b"countersign/commitment/v1\n" + salt + payload).hexdigest()

    span = ResourceSpans.FromString(payload).scope_spans[0].spans[0]
    recorded = {a.key: a.value for a in span.attributes}
    assert span.trace_id.hex() == leaf["trace"] == answer["request_id"].replace("-", "")
    assert json.loads(recorded["countersign.answer"].string_value)["prediction"] == answer["prediction"]
    assert b"C-stranger" not in payload

    head, _, note = receipt["proof"].partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    index = int(lines[1].removeprefix("index "))
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    fn, sn, found = index, int(size) - 1, hashlib.sha256(b"\x00" + receipt["leaf"].encode()).digest()
    for sibling in map(base64.b64decode, lines[2:]):
        if fn & 1 or fn == sn:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    assert found == base64.b64decode(root)

    name, key_id, key = stack.state.log_vkey.read_text().strip().split("+", 2)
    signature = base64.b64decode(signatures.removeprefix(f"— {name} ").strip())
    assert name == origin
    assert signature[:4].hex() == key_id
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public.verify(signature[4:], f"{text}\n".encode())


def test_p5_the_command_line_verifies_and_refuses(stack: Living, tmp_path: Path) -> None:
    """`audit verify` takes receipt, key and answer as they were handed out, and refuses another answer."""
    answer = stack.predict(LEAVING).body
    receipt, said = tmp_path / "receipt.json", tmp_path / "answer.json"
    receipt.write_bytes(stack.receipt(answer["request_id"]))
    said.write_text(json.dumps(answer))
    arguments = ("audit", "verify", str(receipt), "--key", str(stack.state.log_vkey), "--answer", str(said))
    assert countersign(*arguments).returncode == 0
    said.write_text(json.dumps({**answer, "prediction": "retain"}))
    assert countersign(*arguments).returncode == 1


def test_p5_the_exported_folder_is_the_served_log(stack: Living, tmp_path: Path) -> None:
    """`export-log` and `/log` give the same C2SP log, and fsck accepts both."""
    stack.predict(LOYAL)
    folder = tmp_path / "log"
    assert countersign("audit", "export-log", stack.state.store, str(folder)).returncode == 0
    assert {entry.name for entry in folder.iterdir()} == {"checkpoint", "tile"}
    for log in (str(folder), f"{stack.stack.audit_url}/log"):
        verdict = countersign("audit", "fsck", log, "--key", str(stack.state.log_vkey))
        assert verdict.returncode == 0, verdict
    for file in folder.rglob("tile/**/*"):
        if file.is_file():
            url = f"{stack.stack.audit_url}/log/{file.relative_to(folder).as_posix()}"
            with urllib.request.urlopen(url) as served:
                assert served.read() == file.read_bytes()


def test_p9_one_line_from_gate_to_answer(stack: Living) -> None:
    """Every record names its release; the release is a record in the same log and names artifact and card."""
    bundle = load_bundle(CHURN)
    expected = Release(artifact=bundle.artifact_digest, card=bundle.card_digest)
    answer = stack.predict(LOYAL).body
    shown = stack.audit(f"/api/records/{answer['request_id']}").body
    assert shown["record"]["release"] == expected.digest()
    release = shown["release"]
    assert (release["kind"], release["seq"], release["stream"]) == ("release", 0, shown["record"]["stream"])
    assert release["attributes"][semconv.RELEASE_ARTIFACT] == bundle.artifact_digest
    assert release["attributes"][semconv.RELEASE_CARD] == bundle.card_digest
    predictions = stack.evidence().search(search_of(Filters(kind="prediction")), 1000).entries
    assert {entry.release for entry in predictions} == {expected.digest()}


class _Producer:
    """A producer over the sidecar's private socket, with a stream of its own."""

    def __init__(self, stack: Living) -> None:
        self._ids = IdSource()
        self._stack = stack
        self.stream = self._ids.request_id()

    def send(self, sequence: int, kind: str) -> None:
        resource = encode_resource(
            {semconv.SERVICE_INSTANCE_ID: uuid_text(self.stream), semconv.RELEASE_DIGEST: "ab" * 32}
        )
        span = EvidenceSpan(kind, self._ids.request_id(), self._ids.span_id(), f"test {kind}", 1, 2, {})
        export = encode_export(resource, encode_scope("0"), [with_sequence(encode_span(span), sequence)])
        assert _post_unix(self._stack.state.socket, export) == 200


def _post_unix(path: Path, body: bytes) -> int:
    connection = http.client.HTTPConnection("sidecar")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
    status = connection.getresponse().status
    connection.close()
    return status


def _raw(request_id: str) -> bytes:
    return bytes.fromhex(request_id.replace("-", ""))


def _copy_live(stack: Living, copy: Path) -> None:
    source, target = (
        apsw.Connection(str(stack.state.store_file), flags=apsw.SQLITE_OPEN_READONLY),
        apsw.Connection(str(copy)),
    )
    with target.backup("main", source, "main") as backup:
        backup.step()
    source.close()
    target.close()


def test_p7_claims_are_recomputed(tmp_path: Path) -> None:
    """A figure raised on an approved card stops the release; so does an artifact that is not the one evaluated."""
    desk = lay_out(tmp_path, TELCO)
    assert desk.check().code == 0
    line = desk.edit(f"{TELCO}/card.yaml", "accuracy:\n    value: 0.8106103822019395", "accuracy:\n    value: 0.8306")
    desk.approve()
    raised = desk.check()
    assert raised.code == 1
    assert [place.rsplit(":", 1)[0] for place in raised.stopping()["PERF-001"]] == [f"{TELCO}/card.yaml:{line + 1}"]
    desk.change(f"{TELCO}/model.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    other = desk.check()
    assert other.code == 1
    assert {"CARD-003", "PERF-001"} <= set(other.stopping())


def test_p8_the_gate_fails_closed(tmp_path: Path) -> None:
    """What cannot be read, and a rule that breaks off, end in exit code 2; nothing to judge is no pass either."""
    desk = lay_out(tmp_path, TELCO)
    rules = tmp_path / "own"
    rules.mkdir()
    (tmp_path / "settings.toml").write_text('[check]\nrules = ["own"]\n')
    assert desk.check("--config", "settings.toml").code == 2, "a folder of rules without a rule"
    own_rule.write(rules, own_rule.WHOLE.replace("    if bundle", "    raise KeyError('x')\n    if bundle", 1))
    broken = desk.check("--config", "settings.toml")
    assert broken.code == 2
    assert "KeyError" in broken.out
    assert "Traceback" not in broken.out + broken.err
    desk.change(f"{TELCO}/card.yaml", lambda data: data + b"model_id: again\n")
    unreadable = desk.check()
    assert unreadable.code == 2
    assert "duplicate key `model_id`" in unreadable.out + unreadable.err
    assert desk.check("models/no-such-model/1.0.0").code == 2


def test_p10_one_log_many_pods(tmp_path: Path) -> None:
    """Two pods append to one log; one dies without a word, another comes: no seal, no merge, no second truth."""
    server, keys = new_server(), tmp_path / "keys"
    server.start()
    store = server.new_database()
    assert countersign("keygen", "--origin", "log.example.com/pods", "--out", str(keys)).returncode == 0
    assert countersign("store", "init", store, "--key", str(keys / "log.key")).returncode == 0
    pods = [Pod(tmp_path / f"pod{number}", keys, store) for number in range(3)]
    try:
        for pod in pods[:2]:
            pod.start()
        places = [pod.predict().body["evidence"] for _ in range(3) for pod in pods[:2]]
        pods[0].end()
        pods[2].start()
        places += [pod.predict().body["evidence"] for _ in range(3) for pod in pods[1:]]
        # Whoever published may be the one that died: the lease has to be taken over before all of them leave.
        reader, newest = open_reader(store), places[-1]["index"]
        await_value(reader.checkpoint, lambda found: found is not None and found.size > newest)
        for pod in pods[1:]:
            assert (pod.service.stop(), pod.sidecar.stop()) == (0, 0)
        indexes = [place["index"] for place in places]
        assert indexes == sorted(set(indexes)), "whichever pod answered, its record stands behind the one before"
        assert {place["log"] for place in places} == {"log.example.com/pods"}
        verdict = countersign("audit", "fsck", store, "--key", str(keys / "log.vkey"))
        assert verdict.returncode == 0, verdict
        assert f"size    {reader.frontier().size}" in verdict.stdout
    finally:
        for pod in pods:
            pod.end()
        remove(server)
