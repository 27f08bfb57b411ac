# SPDX-License-Identifier: Apache-2.0
"""Start telemetry if the environment asks for it. Whatever goes wrong with it, the service starts all the same."""

import importlib
import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from contracts.errors import SettingInvalid
from service.telemetry.lane import Lane
from service.telemetry.wanted import wanted_protocol

_LOG: Final = logging.getLogger("countersign.telemetry")


class Origin(NamedTuple):
    """Whose spans these are; ``instance`` is the stream's id, which leads from a span to the evidence."""

    version: str
    instance: str
    model_id: str
    model_version: str


def start_telemetry(environment: Mapping[str, str], origin: Origin) -> Lane | None:
    """The lane, or None: because nobody asks for it, or because it cannot be had, which is logged in one line.

    ``environment`` decides whether; how, the SDK reads from the process's environment itself.
    """
    try:
        protocol = wanted_protocol(environment)
        if protocol is None:
            return None
        # The SDK takes a sixth of a second to import, and reads variables that may make it raise.
        lane: Lane = importlib.import_module("service.telemetry.sdk_lane").start(protocol, origin)
    except ModuleNotFoundError as error:
        _LOG.warning("telemetry is off: module %s is missing; docs/telemetry.md says which package has it", error.name)
    except SettingInvalid as error:
        _LOG.warning("telemetry is off: %s", error)
    except Exception as error:
        _LOG.warning("telemetry is off: the OpenTelemetry SDK does not start: %s: %s", type(error).__name__, error)
    else:
        _LOG.info("telemetry is exported over %s; it may be lossy, evidence is not", protocol)
        return lane
    return None
