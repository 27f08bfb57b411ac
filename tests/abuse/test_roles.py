# SPDX-License-Identifier: Apache-2.0
"""Every route of both programs against every role: who gets in, who is 401, who is 403."""

from typing import NamedTuple

import pytest

from tests.abuse.fortress import ROLES, SECRETS, Fortress, bearer
from tests.end_to_end.living import ask

UUID = "0199a3f2-c000-7000-8000-00000000000a"


class Route(NamedTuple):
    """A route and the one role that opens it; None = open to all."""

    listener: str
    method: str
    path: str
    role: str | None
    body: bytes | None = None


ROUTES = [
    *(Route("service", "GET", path, None) for path in ("/healthz", "/ready", "/metrics", "/schema")),
    Route("service", "POST", "/predict", "consumer", b"{}"),
    Route("service", "POST", "/predict/", "consumer", b"{}"),
    Route("service", "POST", "/predict/batch", "consumer", b"{}"),
    Route("service", "GET", f"/predict/{UUID}/receipt", "consumer"),
    Route("service", "POST", "/receipts", "consumer", b'{"request_ids":["x"]}'),
    Route("service", "GET", "/governance/model-card", "consumer"),
    Route("service", "GET", "/governance/audit-log", "auditor"),
    *(Route("metrics", "GET", path, None) for path in ("/healthz", "/metrics")),
    *(Route("audit", "GET", path, None) for path in ("/livez", "/readyz", "/startupz", "/metrics", "/schema")),
    Route("audit", "GET", "/api/records", "auditor"),
    Route("audit", "GET", f"/api/records/{UUID}", "auditor"),
    Route("audit", "GET", f"/api/records/{UUID}/proof", "auditor"),
    Route("audit", "GET", f"/api/records/{UUID}/receipt", "auditor"),
    Route("audit", "POST", "/api/receipts", "auditor", b'{"request_ids":["x"]}'),
    Route("audit", "GET", "/api/completeness", "auditor"),
    Route("audit", "GET", "/log/checkpoint", "auditor"),
    Route("audit", "GET", "/log/tile/0/000.p/1", "auditor"),
    Route("audit", "GET", "/log/tile/entries/000.p/1", "auditor"),
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.listener} {route.method} {route.path}")
def test_roles_do_not_nest(fort: Fortress, route: Route) -> None:
    """No token, an unknown or expired one: 401. Another role: 403. The one role: in. Open routes ask for nothing."""
    url = f"http://127.0.0.1:{fort.ports[route.listener]}{route.path}"
    for caller in (None, "unknown", "expired", *ROLES):
        reply = ask(route.method, url, route.body, bearer(caller))
        if route.role is None or caller == route.role:
            assert reply.status not in (401, 403), (caller, reply)
            assert reply.status < 500, (caller, reply)
        elif caller in ROLES:
            assert reply.status == 403, (caller, reply)
        else:
            assert reply.status == 401, (caller, reply)
            assert reply.headers["www-authenticate"] == "Bearer"
        for secret in SECRETS.values():
            assert secret not in str(reply.body)


def test_evidence_is_a_producers(fort: Fortress) -> None:
    """OTLP: a token must be a producer's; without one a sender is a stranger, whose spans are foreign."""
    expected = {None: 200, "unknown": 401, "expired": 401, "producer": 200} | dict.fromkeys(
        ("consumer", "auditor", "operator"), 403
    )
    for caller, status in expected.items():
        headers = {"Content-Type": "application/x-protobuf", **bearer(caller)}
        assert ask("POST", fort.otlp, b"", headers).status == status, caller


def test_every_route_stands_in_the_table(fort: Fortress) -> None:
    """A route that the OpenAPI documents name and this table does not would be a route without this test."""
    known = {(r.listener, r.method, r.path.rstrip("/").replace(UUID, "{request_id}")) for r in ROUTES}
    for listener, url in (("service", fort.stack.url), ("audit", fort.stack.audit_url)):
        document = ask("GET", f"{url}/schema/openapi.json").body
        for path, methods in document["paths"].items():
            for method in methods:
                if "/log/tile/" not in path:
                    assert (listener, method.upper(), path) in known, (listener, method, path)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer", "Bearer ", "bearer", "Basic Y29uc3VtZXI6eA==", "Bearer \x00", "Bearer " + "x" * 30_000,
        "Bearer *", "Bearer null", "Bearer consumer", "Bearer ÿþ", "Token " + SECRETS["consumer"],
        "Bearer " + SECRETS["consumer"][:-1], "Bearer " + SECRETS["consumer"] + "x", SECRETS["consumer"],
        "Bearer " + SECRETS["consumer"].upper(),
    ],
)  # fmt: skip
def test_nearly_a_token_is_none(fort: Fortress, authorization: str) -> None:
    """Prefixes, other schemes, other case, control characters and very long ones: refused, never an error of ours."""
    try:
        reply = ask("GET", f"{fort.stack.url}/governance/model-card", None, {"Authorization": authorization})
    except ValueError:
        pytest.fail("the client itself refuses this header")
    assert reply.status in (400, 401), reply


def test_guessing_is_answered_alike(fort: Fortress) -> None:
    """Whatever is guessed, the answer is the same but for its request id. Tokens are looked up by hash, see tokens."""
    guesses = [f"Bearer {SECRETS['consumer'][:n]}" for n in range(1, len(SECRETS["consumer"]))]
    bodies = []
    for guess in guesses:
        body = ask("GET", f"{fort.stack.url}/governance/model-card", None, {"Authorization": guess}).body
        bodies.append({name: value for name, value in body.items() if name != "request_id"})
    assert all(body == bodies[0] for body in bodies)
