# SPDX-License-Identifier: Apache-2.0
"""Telemetry is on when an endpoint is named and nothing switches it off; else nothing of the SDK is imported."""

import logging
import os
import subprocess
import sys

import pytest

from contracts.errors import SettingInvalid
from service.telemetry.start import Origin, start_telemetry
from service.telemetry.wanted import wanted_protocol
from tests import tree

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
ORIGIN = Origin("1", "01890000-0000-7000-8000-000000000000", "churn", "1.0.0")


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None),
        (ENDPOINT, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "yes"}, "http/protobuf"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "console, otlp"}, "http/protobuf"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
         "http/protobuf"),
    ],
)  # fmt: skip
def test_what_the_environment_asks_for(environment: dict[str, str], protocol: str | None) -> None:
    """The standard variables mean what OpenTelemetry says; an empty one is unset, and traces go before all."""
    assert wanted_protocol(environment) == protocol


def test_a_protocol_that_is_not_there() -> None:
    """The variable and the choice are named."""
    with pytest.raises(SettingInvalid, match=r"OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'; want http/protobuf or grpc"):
        wanted_protocol({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}, "want http/protobuf or grpc"),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0"}, "must be a positive integer"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "1"}, "must be less than or equal to"),
        ({"OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER": "nobody"}, "does not start"),
    ],
)
def test_what_the_sdk_cannot_take_switches_it_off(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says why; the service goes on without telemetry, and the SDK's loggers are left as they were."""
    environment = {**ENDPOINT, **variables}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.INFO, "countersign.telemetry"):
        assert start_telemetry(environment, ORIGIN) is None
    lines = [record.getMessage() for record in caplog.records if "telemetry is off" in record.getMessage()]
    assert len(lines) == 1
    assert said in lines[0]
    assert logging.getLogger("opentelemetry").propagate
    assert logging.getLogger("opentelemetry").handlers == []


def test_a_missing_package_switches_it_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The line names the module and the page that says where it comes from."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    environment = {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert start_telemetry(environment, ORIGIN) is None
    assert "module opentelemetry.exporter.otlp.proto.grpc.trace_exporter is missing" in caplog.text
    assert (tree.ROOT / "docs" / "telemetry.md").exists()


def test_without_telemetry_nothing_of_it_is_imported() -> None:
    """Neither the SDK nor the HTTP library of its exporter is in a process that does not export."""
    asked = (
        "import os, sys; import countersign.commands.serve; from service.telemetry import start;"
        "lane = start.start_telemetry(os.environ, start.Origin('', '', '', ''));"
        "print(lane, sorted(m for m in sys.modules if m.split('.')[0] in ('opentelemetry', 'requests', 'urllib3')))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=tree.ROOT, env=environment
    )
    assert found.stdout == "None []\n", found
