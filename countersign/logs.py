# SPDX-License-Identifier: Apache-2.0
"""How servers log: one plain line per event on stderr, with the time in UTC."""

import logging
import time


def configure_logging(program: str) -> None:
    """Set up the root logger of a server process."""
    formatter = logging.Formatter(f"%(asctime)sZ {program} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The HTTP server's own start-up chatter says nothing that we do not say ourselves.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
