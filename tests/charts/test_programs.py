# SPDX-License-Identifier: Apache-2.0
"""What the containers are told is what the programs take: arguments, settings, variables, and the paths they name."""

import argparse
import importlib
import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from audit_sidecar.listeners import DRAIN_SECONDS
from audit_sidecar.settings import SidecarSettings
from contracts.deployment import ARTIFACT_ANNOTATION, CARD_ANNOTATION, VERDICT_ANNOTATION
from contracts.settings import PREFIX, load_settings
from countersign.command import COMMANDS
from service.settings import ServiceSettings
from tests.charts.rendering import CHART, WITH_PODS, Object, container, containers, one, pods, scenario

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
ADDITIONS = CHART / "ci" / "own-additions-values.yaml"


def parsed(words: list[str]) -> argparse.Namespace:
    """Arguments as the command line reads them; what it does not take ends the test."""
    (command,) = (each for each in COMMANDS if tuple(words[: len(each.path)]) == each.path)
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"countersign.commands.{command.module}").configure(parser)
    return parser.parse_args(words[len(command.path) :])


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_every_container_runs_a_command_that_takes_its_arguments(file: Path) -> None:
    """The real parsers read the rendered arguments."""
    for pod in pods(scenario(file)).values():
        for each in containers(pod):
            assert each["command"] == ["countersign"]
            parsed(each["args"])


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_every_path_that_is_named_is_mounted(file: Path) -> None:
    """A path in an argument or a variable lies below a mount, except for the bundle, which the image brings."""
    for pod in pods(scenario(file)).values():
        for each in containers(pod):
            mounts = [mount["mountPath"] for mount in each.get("volumeMounts", [])]
            words = [*each["args"], *(str(variable.get("value", "")) for variable in each.get("env", []))]
            paths = {word.removeprefix("unix:") for word in words if word.removeprefix("unix:").startswith("/")}
            for path in paths - {"/bundle"}:
                assert any(path == mount or path.startswith(f"{mount}/") for mount in mounts), (each["name"], path)


def settings(file: Path, kind: type[Any], table: str, tmp_path: Path) -> Any:
    """The settings that a program reads from the rendered file and its variables."""
    text = one(scenario(file), "ConfigMap")["data"]["countersign.toml"]
    config = tmp_path / "countersign.toml"
    config.write_text(text)
    needed = {"store": "sqlite:///s", "key": "k"} if table == "sidecar" else {}
    return load_settings(kind, {}, config, needed, table)


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_programs_read_their_settings(file: Path, tmp_path: Path) -> None:
    """Both tables of the rendered file are valid; drain and release are those of the values."""
    service = settings(file, ServiceSettings, "serve", tmp_path)
    sidecar = settings(file, SidecarSettings, "sidecar", tmp_path)
    assert service.drain == 10
    pod = one(scenario(file), "Deployment")["spec"]["template"]
    digests = [container(pod, name)["image"].partition("@")[2] for name in ("service", "sidecar")]
    assert service.release.images == sidecar.release.images == digests


def test_settings_of_ones_own_arrive(tmp_path: Path) -> None:
    """Numbers stay what they are, also those that YAML reads as large floats."""
    service = settings(ADDITIONS, ServiceSettings, "serve", tmp_path)
    assert (service.max_body, service.evidence.deadline, service.evidence.backlog_records) == (1_048_576, 1.5, 5000)
    sidecar = settings(ADDITIONS, SidecarSettings, "sidecar", tmp_path)
    assert (sidecar.checkpoint_interval, sidecar.receive.queue_bytes) == (0.5, 64 << 20)


CHART_OWNED = {
    "service": {
        "bundle", "host", "port", "metrics_port", "subject_key", "tokens", "tls_cert", "tls_key", "ca_file",
        "audit_url", "audit_token_file", "drain", "release", "deployment", "evidence.url", "evidence.token_file",
    },
    "sidecar": {
        "store", "key", "otlp_http", "otlp_grpc", "audit", "anchor", "archive", "witnesses", "tokens", "tls_cert",
        "tls_key", "public_log", "release",
    },
}  # fmt: skip
"""What the chart says itself, in arguments or in the file."""


@pytest.mark.parametrize(("part", "kind"), [("service", ServiceSettings), ("sidecar", SidecarSettings)])
def test_the_schema_knows_every_setting(part: str, kind: type[msgspec.Struct]) -> None:
    """A setting is either the chart's own or may be given; one that is added to a program shows here."""
    given = SCHEMA["properties"][part]["properties"]["settings"]["properties"]
    named = {
        f"{name}.{inner}" if "properties" in value else name
        for name, value in given.items()
        for inner in value.get("properties", {"": None})
    }
    assert named | CHART_OWNED[part] == set(_settings(kind))


def _settings(kind: type[msgspec.Struct]) -> list[str]:
    found: list[str] = []
    for field in msgspec.structs.fields(kind):
        inner: Any = next((each for each in (field.type, *get_args(field.type)) if _is_struct(each)), None)
        whole = inner is None or field.name in ("release", "deployment")
        found += [field.name] if whole else [f"{field.name}.{each.name}" for each in msgspec.structs.fields(inner)]
    return found


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_variables_are_settings(file: Path) -> None:
    """Each COUNTERSIGN_ variable of a container names a setting of its program."""
    pod = one(scenario(file), "Deployment")["spec"]["template"]
    for name, kind in (("service", ServiceSettings), ("sidecar", SidecarSettings)):
        names = [variable["name"] for variable in container(pod, name)["env"]]
        for variable in (each for each in names if each.startswith(PREFIX)):
            path = variable.removeprefix(PREFIX).lower().split("__")
            fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
            assert path[0] in fields
            assert len(path) == 1 or path[1] in {field.name for field in msgspec.structs.fields(fields[path[0]])}


def test_the_service_is_told_what_admission_looks_at() -> None:
    """Digests come from the pod's own annotations, so that they stand once; and all pods carry them."""
    for file in WITH_PODS:
        for title, pod in pods(scenario(file)).items():
            if "countersign.dev/gate" not in pod["metadata"]["labels"]:
                notes = pod["metadata"]["annotations"]
                assert {CARD_ANNOTATION, ARTIFACT_ANNOTATION, VERDICT_ANNOTATION} <= set(notes), title
    service = container(pods(scenario(WITH_PODS[0]))["Deployment countersign"], "service")
    sources = {each["name"]: each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") for each in service["env"]}
    for part, annotation in (("CARD", CARD_ANNOTATION), ("VERDICT", VERDICT_ANNOTATION)):
        assert sources[f"COUNTERSIGN_RELEASE__{part}"] == f"metadata.annotations['{annotation}']"


def test_the_sidecar_has_time_to_flush() -> None:
    """The least flush that the schema takes is what the sidecar may need: calls, the last record, the archive."""
    assert SCHEMA["properties"]["termination"]["properties"]["flushSeconds"]["minimum"] == 3 * DRAIN_SECONDS


def _secrets(pod: Object, each: Object) -> set[str]:
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    mounted = [volumes[mount["name"]] for mount in each.get("volumeMounts", [])]
    return {volume["secret"]["secretName"] for volume in mounted if "secret" in volume}


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_each_secret_is_where_it_is_needed_and_nowhere_else(file: Path) -> None:
    """The log's key in the sidecar alone, the pseudonyms' key in the service alone, no key on the read side."""
    found: dict[str, set[str]] = {}
    for pod in pods(scenario(file)).values():
        for each in containers(pod):
            for secret in _secrets(pod, each):
                found.setdefault(secret, set()).add(each["name"])
    assert found["countersign-log-key"] == {"sidecar"}
    assert found["countersign-subject-key"] == {"service"}
    assert found["countersign-audit-token"] == {"service"}
    assert found["countersign-tokens"] <= {"service", "sidecar", "read-side"}
    assert found.get("countersign-gate-key", {"gate"}) == {"gate"}
