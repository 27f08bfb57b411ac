# SPDX-License-Identifier: Apache-2.0
"""``countersign sidecar``: receive spans, keep them, prove them."""

import argparse
import os
from pathlib import Path

from audit_sidecar.run import run_sidecar
from audit_sidecar.settings import SidecarSettings
from audit_sidecar.stores.url import HELP
from contracts.settings import load_settings
from countersign import __version__
from countersign.command import add_tls
from countersign.logs import configure_logging

_FLAGS = (
    "store",
    "key",
    "otlp_http",
    "otlp_grpc",
    "audit",
    "anchor",
    "archive",
    "witnesses",
    "public_log",
    "tokens",
    "tls_cert",
    "tls_key",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--store", metavar="STORE", help=HELP)
    parser.add_argument("--key", metavar="FILE", help="the log's private key, from 'countersign keygen'")
    parser.add_argument(
        "--otlp-http",
        metavar="ADDR",
        action="append",
        help="receive OTLP/HTTP here: host:port or unix:/path; may repeat",
    )
    parser.add_argument(
        "--otlp-grpc",
        metavar="ADDR",
        action="append",
        help="receive OTLP/gRPC here, usually port 4317: host:port or unix:/path; may repeat; default: nowhere",
    )
    parser.add_argument("--audit", metavar="ADDR", action="append", help="audit API here; may repeat")
    parser.add_argument(
        "--anchor",
        metavar="PLACE",
        help="keep the newest checkpoint there too, never sign behind it: a folder elsewhere, s3://…, or the archive",
    )
    parser.add_argument(
        "--archive",
        metavar="PLACE",
        help="keep the log as files there too: a folder, or s3://bucket/prefix?region=R&days=N with Object Lock",
    )
    parser.add_argument(
        "--witnesses", metavar="FILE", help="witness policy (C2SP tlog-policy): who cosigns checkpoints"
    )
    parser.add_argument("--public-log", action="store_const", const=True, help="serve /log without a token")
    parser.add_argument("--tokens", metavar="FILE", help="bearer tokens; without it only loopback callers are served")
    add_tls(parser)
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="TOML file of settings, or one with a table [sidecar]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    flags = {name: getattr(arguments, name) for name in _FLAGS}
    settings = load_settings(SidecarSettings, os.environ, arguments.config, flags, "sidecar")
    configure_logging("sidecar")
    return run_sidecar(settings, __version__)
