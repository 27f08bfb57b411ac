# SPDX-License-Identifier: Apache-2.0
"""Whether telemetry is wanted, by the standard variables alone; nothing is imported to find out.

Names and defaults: OpenTelemetry specification, "OpenTelemetry Environment Variable Specification" and "OpenTelemetry
Protocol Exporter". As they ask, an empty variable counts as unset.
"""

from collections.abc import Mapping
from typing import Final

from contracts.errors import SettingInvalid

HTTP: Final = "http/protobuf"
GRPC: Final = "grpc"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def wanted_protocol(environment: Mapping[str, str]) -> str | None:
    """The OTLP protocol to export spans with, or None when no export is asked for.

    Unlike other programs we do not export to localhost unasked: an endpoint has to be named. Raises SettingInvalid for
    a protocol that is not there.
    """
    if _read(environment, "OTEL_SDK_DISABLED").lower() == "true":
        return None
    exporters = _read(environment, "OTEL_TRACES_EXPORTER") or "otlp"
    if "otlp" not in [name.strip() for name in exporters.split(",")]:
        return None
    if not any(_read(environment, name) for name in _ENDPOINTS):
        return None
    for name in _PROTOCOLS:
        protocol = _read(environment, name)
        if protocol in (HTTP, GRPC):
            return protocol
        if protocol:
            raise SettingInvalid(f"{name} is {protocol!r}; want {HTTP} or {GRPC}")
    return HTTP


def _read(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()
