# SPDX-License-Identifier: Apache-2.0
"""One ConfigMap at the API server of the cluster that this pod runs in, changed by compare-and-set.

What a pod is given is used: address from the environment, token, certificate authority and namespace from the folder of
its service account. The server must prove its name. A proxy of the environment is never asked.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from contracts.bearer import read_bearer
from contracts.errors import CountersignError, SettingInvalid
from contracts.tls import client_tls

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECONDS: Final = 10
TRIES: Final = 8
_LONGEST: Final = 8 << 20

Data = dict[str, str]


class ApiServerRefused(CountersignError):
    """The API server is away, or does not let this account do what it asked."""


class ApiServer(NamedTuple):
    """Where the API server is, and who asks."""

    host: str
    port: int
    account: Path
    namespace: str


def in_cluster(environment: Mapping[str, str], account: Path = ACCOUNT) -> ApiServer:
    """The API server of this pod's cluster. Raises SettingInvalid outside of one."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port.isdecimal():
        raise SettingInvalid("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: run this in a pod")
    try:
        namespace = (account / "namespace").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingInvalid(
            f"{account} holds no namespace: mount the pod's service account there (token, ca.crt, namespace)"
        ) from None
    return ApiServer(host, int(port), account, namespace)


def change_config_map(server: ApiServer, name: str, change: Callable[[Data], Data]) -> bool:
    """Write what ``change`` makes of the data, unless nothing changes; whether something was written.

    It may be asked several times: when somebody else wrote in between, or an answer was lost and the state is read
    again. Raises ApiServerRefused, and whatever ``change`` raises.
    """
    collection = f"/api/v1/namespaces/{quote(server.namespace, safe='')}/configmaps"
    for _ in range(TRIES):
        status, found = _ask(server, "GET", f"{collection}/{quote(name, safe='')}")
        if status not in (200, 404):
            raise _refusal("read", name, status, found)
        there = found if status == 200 else _new(name)
        before = there.get("data") or {}
        after = change(dict(before))
        if status == 200 and after == before:
            return False
        body = {**there, "data": after}
        if status == 200:
            # With the resourceVersion that was read: the server refuses it when anybody wrote since.
            status, answer = _ask(server, "PUT", f"{collection}/{quote(name, safe='')}", body)
        else:
            status, answer = _ask(server, "POST", collection, body)
        if status in (200, 201):
            return True
        if status != 409:
            raise _refusal("write", name, status, answer)
    raise ApiServerRefused(f"the ConfigMap {name} was changed by others {TRIES} times in a row; sync again")


def _new(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def _refusal(what: str, name: str, status: int, answer: dict[str, Any]) -> ApiServerRefused:
    said = " ".join(str(answer.get("message", "")).split())[:500] or "without a reason"
    return ApiServerRefused(f"the API server did not let this account {what} the ConfigMap {name}: {status} {said}")


def _ask(server: ApiServer, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    """Status and object. A lost answer to a write is a conflict: the caller reads what became of it."""
    headers = {"Authorization": f"Bearer {read_bearer(server.account / 'token')}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    context = client_tls(str(server.account / "ca.crt"), "the service account's authority")
    connection = http.client.HTTPSConnection(server.host, server.port, timeout=SECONDS, context=context)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read(_LONGEST)
    except (OSError, http.client.HTTPException) as error:
        if method == "GET":
            what = f"{type(error).__name__}: {error}"
            raise ApiServerRefused(f"the API server {server.host}:{server.port} cannot be asked: {what}") from None
        return 409, {}
    finally:
        connection.close()
    return answer.status, _object(content)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
