# SPDX-License-Identifier: Apache-2.0
"""What the SDK has to say, in our log: one line, without a traceback, each thing once."""

import logging
from typing import Final

_LOG: Final = logging.getLogger("countersign.telemetry")
_SDK: Final = logging.getLogger("opentelemetry")


class SdkLog(logging.Handler):
    """Takes the place of all other handlers for the SDK's loggers, between `attach` and `detach`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[tuple[str, str]] = set()

    def attach(self) -> None:
        """Listen to the SDK."""
        _SDK.addHandler(self)
        _SDK.propagate = False

    def detach(self) -> None:
        """Leave the SDK's loggers as they were."""
        _SDK.removeHandler(self)
        _SDK.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what was not said before; a Collector that is away would otherwise be reported for hours."""
        key = (record.name, str(record.msg))
        if key not in self._said:
            self._said.add(key)
            _LOG.log(record.levelno, "telemetry: %s", " ".join(record.getMessage().split()))
