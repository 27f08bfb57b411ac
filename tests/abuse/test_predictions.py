# SPDX-License-Identifier: Apache-2.0
"""Requests for predictions made to crash, to evade or to leak: what happens to each is defined."""

import contextlib
import socket

import pytest

from audit_sidecar.query.parameters import Filters, search_of
from tests.abuse.fortress import Fortress, bearer, raw
from tests.end_to_end.living import LOYAL, Reply, ask

MIB = 1 << 20
REST = '"tenure_months":1,"monthly_charges":1,"total_charges":1,"num_complaints":1'


def _post(fort: Fortress, body: bytes, path: str = "/predict", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask("POST", fort.stack.url + path, body, {**bearer("consumer"), **named})


def _with(member: str) -> bytes:
    return f'{{"customer_id":"C",{REST},{member}}}'.encode()


def _subject(text: str) -> bytes:
    return f'{{"customer_id":{text},{REST}}}'.encode()


def _tenure(text: str) -> bytes:
    return _subject('"C"').replace(b'"tenure_months":1', f'"tenure_months":{text}'.encode())


BODIES = {
    "10,000 members": (_with(",".join(f'"a{n}":{n}' for n in range(10_000))), 422),
    "a member of 1 MB": (_with('"a":"' + "x" * 1_000_000 + '"'), 422),
    "a subject of 1 MB": (_subject('"' + "x" * 1_000_000 + '"'), 422),
    "beyond the limit": (b" " * (17 * MIB), 413),
    "deep lists": (b"[" * 1_000_000, 400),
    "deep objects": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, (400, 422)),
    "deep in a member": (_with('"a":' + "[" * 100_000 + "]" * 100_000), (400, 422)),
    "a name twice": (_with('"customer_id":"D"'), 422),
    "a name twice, escaped": (_with('"customer_\\u0069d":"D"'), 422),
    "1e400": (_tenure("1e400"), (400, 422)),
    "-1e400": (_tenure("-1e400"), (400, 422)),
    "NaN": (_tenure("NaN"), 400),
    "Infinity": (_tenure("Infinity"), 400),
    "-0.0": (_tenure("-0.0"), 200),
    "a denormal": (_tenure("5e-324"), 200),
    "2**63": (_tenure("9223372036854775808"), 422),
    "2**64": (_tenure("18446744073709551616"), 422),
    "10,000 digits": (_tenure("9" * 10_000), (400, 422)),
    "a number as text": (_tenure('"1"'), 422),
    "true": (_tenure("true"), 422),
    "null": (_tenure("null"), 422),
    "a lone surrogate": (_subject('"\\ud800"'), 400),
    "a raw surrogate": (_subject('"').replace(b'"customer_id":"', b'"customer_id":"\xed\xa0\x80"'), 400),
    "NUL in the subject": (_subject('"a\\u0000b"'), 200),
    "a newline in the subject": (_subject('"a\\nERROR forged"'), 200),
    "a raw newline": (_subject('"a\nb"'), 400),
    "overlong UTF-8": (_subject('"').replace(b'"customer_id":"', b'"customer_id":"\xc0\x80"'), 400),
    "UTF-16": (_subject('"C"').decode().encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf" + _subject('"C"'), 400),
    "two documents": (_subject('"C"') * 2, 400),
    "a trailing comma": (_subject('"C"')[:-1] + b",}", 400),
    "a comment": (_subject('"C"') + b"//", 400),
    "nothing": (b"", 400),
    "an empty subject": (_subject('""'), 422),
    "__proto__": (_with('"__proto__":{}'), 422),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies(fort: Fortress, case: str) -> None:
    """Refused with a problem that names the place and not the value, or answered with evidence."""
    body, wanted = BODIES[case]
    reply = _post(fort, body)
    statuses = wanted if isinstance(wanted, tuple) else (wanted,)
    assert reply.status in statuses or (413 in statuses and reply.status == 0), reply
    if reply.status == 200:
        assert reply.body["evidence"]["index"] > 0
    elif reply.status:
        assert reply.headers["content-type"] == "application/problem+json"
        assert len(str(reply.body)) < 2000


BATCHES = {
    "10,001 rows": (b'{"instances":[' + b",".join([_subject('"C"')] * 10_001) + b"]}", 422),
    "no rows": (b'{"instances":[]}', 422),
    "a million numbers": (b'{"instances":[' + b"1," * 1_000_000 + b"1]}", 422),
    "two million lists": (b'{"instances":[' + b"[]," * 2_000_000 + b"[]]}", 422),
    "one bad row": (b'{"instances":[' + b",".join([_subject('"C"')] * 99 + [_tenure("-1")]) + b"]}", 422),
}


@pytest.mark.parametrize("case", BATCHES)
def test_batches(fort: Fortress, case: str) -> None:
    """All or nothing, and never more than can be answered."""
    body, status = BATCHES[case]
    assert _post(fort, body, "/predict/batch").status == status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("order-17", 200), ("x" * 128, 200), ("x" * 129, 422), ("jane.doe@example.com", 422),
        ("+49 170 1234567", 422), ("caf\xe9", 422), ("a\tb", 422), ("", 422),
    ],
)  # fmt: skip
def test_request_ids_of_callers(fort: Fortress, value: str, status: int) -> None:
    """Kept when short, printable and impersonal; otherwise refused, and not repeated in the refusal."""
    reply = _post(fort, _subject('"C"'), X_Request_Id=value)
    assert reply.status == status, reply
    if status == 422:
        assert not value or value not in str(reply.body)


def test_a_reused_request_id_is_another_prediction(fort: Fortress) -> None:
    """A caller's id ties attempts together; each has its own record, so nobody overwrites evidence by repeating."""
    answers = [_post(fort, _subject('"C"'), X_Request_Id="again-1").body for _ in range(3)]
    assert len({answer["request_id"] for answer in answers}) == 3
    entries = fort.evidence().search(search_of(Filters(kind="prediction")), 10).entries
    assert [entry.client_request_id for entry in entries][:3] == ["again-1"] * 3


def test_trace_ids_cannot_be_forced(fort: Fortress) -> None:
    """A reused `traceparent` merges nothing: each record has a trace id of ours."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answers = [_post(fort, _subject('"C"'), traceparent=parent).body for _ in range(2)]
    records = [fort.evidence().show(bytes.fromhex(a["request_id"].replace("-", ""))).record for a in answers]
    assert len({record.trace for record in records}) == 2
    assert fort.evidence().reader.by_trace(bytes.fromhex("0af7651916cd43dd8448eb211c80319c")) == []


def test_subjects_are_taken_as_received(fort: Fortress) -> None:
    """Composed and decomposed spellings, and other case, are different subjects: nothing is normalised."""
    subjects = ['"caf\\u00e9"', '"cafe\\u0301"', '"CAF\\u00c9"', '"caf\\u00e9 "']
    answers = [_post(fort, _subject(text)).body for text in subjects]
    assert [answer["customer_id"] for answer in answers] == ["caf\u00e9", "cafe\u0301", "CAF\u00c9", "caf\u00e9 "]
    found = fort.evidence().search(search_of(Filters(kind="prediction")), 4).entries
    assert len({entry.subject for entry in found}) == 4


@pytest.mark.parametrize(
    "path", ["/predict?%0aERROR", "/predict/%0d%0aX:%20y/receipt", "/%1b[31m", "/predict/../predict"]
)
def test_nothing_of_a_request_becomes_a_line_of_the_log(fort: Fortress, path: str) -> None:
    """Newlines and escapes in a path neither forge a log line nor a header; `fort` checks every line at the end."""
    reply = ask("GET", fort.stack.url + path, None, bearer("consumer"))
    assert reply.status in (404, 405), reply
    assert "x" not in reply.headers
    assert fort.odd_lines() == []


def test_many_large_bodies_at_once_are_bounded(fort: Fortress) -> None:
    """Twelve bodies of 15 MiB, all but the last byte, by one caller: the service still answers others."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Length: %d\r\n\r\n"
    token = bearer("consumer")["Authorization"].encode()
    cut_off = 0
    with contextlib.ExitStack() as held:
        for _ in range(12):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", fort.stack.port), timeout=15))
            try:
                connection.sendall(head % (token, 15 * MIB) + bytes(15 * MIB - 1))
            except OSError:
                cut_off += 1
        assert fort.predict(LOYAL, **bearer("consumer")).status == 200
    assert cut_off >= 4


def test_bodies_are_read_for_callers_alone(fort: Fortress) -> None:
    """Without a token a large body is refused at its first byte."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\nConnection: close\r\n\r\nx"
    assert raw(fort.ports["service"], head) == [401]


TILES = [
    "0/000/..", "../../api/records", "..%2f..%2fapi/records", "%2e%2e/%2e%2e/api/records", "0//000", "/0/000", "0/000/",
    "0/000%00", "0/000.p/0", "0/000.p/01", "0/000.p/256", "0/000.p/-1", "0/x000/000", "0/x0/000", "0/0", "0/0000",
    "00/000", "64/000", "-1/000", "0/000.p", "0/000.P/1", "0/000.p/1/", "0/\u0660\u0660\u0660", "0/%D9%A0%D9%A0%D9%A0",
    "0/000.p/%31", "entries/..", "entries/0/000", "Entries/000", "entries/%30%30%30.p/1", "0/" + "x999/" * 50 + "999",
    "0/x999/x999/x999/x999/x999/x999/999", "0/000.p/1?x", "0/000.p/1#", "0\\000", "0/000.p/1%20", "0/ 000",
]  # fmt: skip


@pytest.mark.parametrize("tile", TILES)
def test_tiles_have_one_spelling(fort: Fortress, tile: str) -> None:
    """Dots, escapes, doubled slashes, NUL, other digits, leading zeros: nothing is found under them, least a file."""
    target = b"/log/tile/" + tile.encode()
    token = bearer("auditor")["Authorization"].encode()
    request = b"GET %b HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nConnection: close\r\n\r\n" % (target, token)
    statuses = raw(fort.ports["audit"], request)
    harmless = tile in ("0/000.p/1?x", "0/000.p/1#")
    assert statuses, "no answer"
    assert all(status in ((200,) if harmless else (202, 400, 404)) for status in statuses), statuses
