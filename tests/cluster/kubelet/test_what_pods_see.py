# SPDX-License-Identifier: Apache-2.0
"""Variables, command lines, volumes and probes as a pod's specification asks for them."""

import base64
import os
import stat
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.cluster.kubelet.probing import Probe, Tally, answers, read_probe
from tests.cluster.kubelet.variables import NotThere, amount, expanded, field, variables
from tests.cluster.kubelet.volumes import make_volume
from tests.loopback import Door, serving_at

Object = dict[str, Any]
POD: Final = {
    "metadata": {"name": "a-pod", "namespace": "here", "annotations": {"say/it": "so"}, "labels": {"b": "2", "a": "1"}},
    "spec": {"nodeName": "node-a", "securityContext": {"fsGroup": os.getegid()}},
    "status": {"podIP": "10.244.0.1"},
}
DATA: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("secrets", "keys"): {"log.key": base64.b64encode(b"secret").decode(), "other": ""},
    ("configmaps", "settings"): {"a.toml": "x = 1"},
}


class Kept:
    """What a node may read, from a table."""

    def data(self, kind: str, name: str) -> Mapping[str, str]:
        """Of a ConfigMap or a Secret."""
        if (kind, name) not in DATA:
            raise NotThere(f"{kind}/{name}")
        return DATA[kind, name]

    def token(self, asked: Object) -> bytes:
        """A token that says for whom."""
        return f"for {asked['audience']}".encode()


class Healthy(Door):
    """Well at one path, redirecting at another."""

    def do_GET(self: BaseHTTPRequestHandler) -> None:
        """By its path."""
        self.send_response({"/well": 200, "/moved": 302}.get(self.path, 503))
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_variables_come_from_wherever_they_are_said_to() -> None:
    """Value, field, resource, secret, ConfigMap; a later one may name an earlier one."""
    sources: Object = {
        "IP": {"fieldRef": {"fieldPath": "status.podIP"}},
        "SAY": {"fieldRef": {"fieldPath": "metadata.annotations['say/it']"}},
        "NONE": {"fieldRef": {"fieldPath": "metadata.annotations['not/there']"}},
        "MIB": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        "CPUS": {"resourceFieldRef": {"resource": "limits.cpu"}},
        "KEY": {"secretKeyRef": {"name": "keys", "key": "log.key"}},
        "TOML": {"configMapKeyRef": {"name": "settings", "key": "a.toml"}},
    }
    env = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    env.append({"name": "URL", "value": "http://$(IP):80/$(UNKNOWN)"})
    container = {"env": env, "resources": {"limits": {"memory": "512Mi", "cpu": "1500m"}}}
    assert variables(POD, container, Kept().data) == {
        "IP": "10.244.0.1", "SAY": "so", "NONE": "", "MIB": "512", "CPUS": "2", "KEY": "secret", "TOML": "x = 1",
        "URL": "http://10.244.0.1:80/$(UNKNOWN)",
    }  # fmt: skip


def test_a_key_that_is_not_there_holds_the_container_up() -> None:
    """Whether it is the object or the key in it."""
    for reference in ({"name": "keys", "key": "none"}, {"name": "none", "key": "log.key"}):
        with pytest.raises(NotThere, match="none"):
            variables(POD, {"env": [{"name": "X", "valueFrom": {"secretKeyRef": reference}}]}, Kept().data)


def test_dollars_are_expanded_as_kubernetes_does() -> None:
    """Two of them are one, and then nothing is named."""
    assert expanded("$(A)-$$(A)-$(B)-$A", {"A": "x"}) == "x-$(A)-$(B)-$A"
    assert field(POD, "metadata.labels") == 'a="1"\nb="2"\n'


@pytest.mark.parametrize(("text", "number"), [("250m", 0.25), ("2", 2), ("1.5Gi", 1.5 * 2**30), ("1k", 1000)])
def test_quantities(text: str, number: float) -> None:
    """With their units."""
    assert amount(text) == pytest.approx(number)


def test_volumes_hold_what_they_name_for_the_pods_group(tmp_path: Path) -> None:
    """Chosen keys under their paths, with their modes; projected ones together; an empty one that may be written."""
    projected = {"sources": [
        {"serviceAccountToken": {"path": "token", "audience": "somebody"}},
        {"configMap": {"name": "settings", "items": [{"key": "a.toml", "path": "b.toml"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ], "defaultMode": 0o440}  # fmt: skip
    volumes: dict[str, Object] = {
        "key": {"secret": {"secretName": "keys", "defaultMode": 0o400, "items": [{"key": "log.key", "path": "k"}]}},
        "all": {"secret": {"secretName": "keys"}},
        "token": {"projected": projected},
        "empty": {"emptyDir": {"sizeLimit": "1Mi"}},
    }
    for name, volume in volumes.items():
        (tmp_path / name).mkdir()
        make_volume(volume, POD, Kept(), tmp_path / name)
    found = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {
        "key/k": "secret", "all/log.key": "secret", "all/other": "", "token/token": "for somebody",
        "token/b.toml": "x = 1", "token/namespace": "here",
    }  # fmt: skip
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("key/k", "token/b.toml", "token/token")}
    assert modes == {"key/k": 0o440, "token/b.toml": 0o440, "token/token": 0o640}
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o2777


@pytest.mark.parametrize("volume", [{"hostPath": {"path": "/"}}, {"secret": {"secretName": "none"}}])
def test_a_volume_that_cannot_be_made_holds_the_pod_up(volume: Object, tmp_path: Path) -> None:
    """A kind that is not known here, or an object that is not there yet."""
    with pytest.raises(NotThere):
        make_volume(volume, POD, Kept(), tmp_path)


def test_a_tally_turns_after_as_many_in_a_row() -> None:
    """Of either kind; one of the other kind in between starts the row anew."""
    probe = read_probe({"exec": {}, "periodSeconds": 2, "failureThreshold": 2, "successThreshold": 2})
    assert probe is not None
    tally = Tally(probe, passing=False, now=0)
    seen = []
    for step, answered in enumerate([True, False, True, True, False, True, False, False]):
        assert tally.due(2 * step)
        tally.note(answered, 2 * step)
        assert not tally.due(2 * step + 1.9)
        seen.append((tally.passing, tally.failed))
    up, down, before = (True, False), (False, True), (False, False)
    assert seen == [before, before, before, up, up, up, up, down]


def test_probes_ask_http_tcp_and_commands() -> None:
    """By number or by name of a port; what is not there has not answered."""

    def ask(**action: Any) -> bool:
        probe = read_probe(action)
        assert isinstance(probe, Probe)
        return answers(probe, "127.0.0.1", {"http": port}, lambda command, timeout: command == ["well"])

    with serving_at(Healthy) as url:
        port = urlsplit(url).port or 0
        assert ask(httpGet={"path": "/well", "port": "http"})
        assert ask(httpGet={"path": "/moved", "port": port})
        assert not ask(httpGet={"path": "/ill", "port": "http"})
        assert not ask(httpGet={"path": "/well", "port": "http", "scheme": "HTTPS"})
        assert ask(tcpSocket={"port": "http"})
        assert ask(exec={"command": ["well"]})
        assert not ask(exec={"command": ["ill"]})
    assert not ask(tcpSocket={"port": "http"})
    assert not ask(httpGet={"path": "/well", "port": "http"})
