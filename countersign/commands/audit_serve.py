# SPDX-License-Identifier: Apache-2.0
"""``countersign audit serve``: the read side alone, over a store that several programs share."""

import argparse
import os
from pathlib import Path

from audit_sidecar.serve import run_read_side
from audit_sidecar.serve_settings import ReadSideSettings
from contracts.settings import load_settings
from countersign import __version__
from countersign.command import add_tls
from countersign.logs import configure_logging

_FLAGS = {
    "store": "store",
    "listen": "listen",
    "evidence": "evidence.url",
    "evidence_token": "evidence.token_file",
    "tokens": "tokens",
    "ca_file": "ca_file",
    "tls_cert": "tls_cert",
    "tls_key": "tls_key",
    "public_log": "public_log",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "store", metavar="STORE", nargs="?", help="postgresql://user@host/database or dynamodb://prefix?region=R"
    )
    parser.add_argument(
        "--listen", metavar="ADDR", action="append", help="audit API here: host:port or unix:/path; may repeat"
    )
    parser.add_argument(
        "--evidence", metavar="URL", help="a sidecar of this log, for access records: http(s)://host:port or unix:/path"
    )
    parser.add_argument("--evidence-token", metavar="FILE", help="bearer token of role producer, if the sidecar asks")
    parser.add_argument("--public-log", action="store_const", const=True, help="serve /log without a token")
    parser.add_argument("--tokens", metavar="FILE", help="bearer tokens; without it only loopback callers are served")
    parser.add_argument("--ca-file", metavar="FILE", help="authorities that vouch for an https:// sidecar")
    add_tls(parser)
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="TOML file of settings, or one with a table [audit_serve]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    flags = {setting: getattr(arguments, flag) for flag, setting in _FLAGS.items()}
    settings = load_settings(ReadSideSettings, os.environ, arguments.config, flags, "audit_serve")
    configure_logging("audit serve")
    return run_read_side(settings, __version__)
