# SPDX-License-Identifier: Apache-2.0
"""``countersign serve``: the inference service."""

import argparse
import os
from pathlib import Path

from contracts.settings import load_settings
from countersign import __version__
from countersign.command import add_tls
from countersign.logs import configure_logging
from service.prepared import prepare
from service.server import run_service
from service.settings import ServiceSettings

_FLAGS = {
    "bundle": "bundle",
    "evidence": "evidence.url",
    "evidence_token": "evidence.token_file",
    "subject_key": "subject_key",
    "host": "host",
    "port": "port",
    "metrics_port": "metrics_port",
    "audit_url": "audit_url",
    "audit_token": "audit_token_file",
    "tokens": "tokens",
    "ca_file": "ca_file",
    "tls_cert": "tls_cert",
    "tls_key": "tls_key",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--bundle", metavar="DIR", help="the model: models/<id>/<version>")
    parser.add_argument("--evidence", metavar="URL", help="the audit sidecar: http(s)://host:port or unix:/path")
    parser.add_argument("--evidence-token", metavar="FILE", help="bearer token of role producer, if the sidecar asks")
    parser.add_argument("--subject-key", metavar="FILE", help="key of the pseudonyms, from 'countersign keygen'")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0 for a free one (8080)")
    parser.add_argument("--metrics-port", help="port of /metrics, 0 for a free one (9464)")
    parser.add_argument("--audit-url", metavar="URL", help="the audit API, for receipts and the audit log")
    parser.add_argument("--audit-token", metavar="FILE", help="bearer token of role auditor, if the audit API asks")
    parser.add_argument("--tokens", metavar="FILE", help="bearer tokens; without it only loopback callers are served")
    parser.add_argument(
        "--ca-file", metavar="FILE", help="authorities that vouch for https:// sidecar and audit API (the system's)"
    )
    add_tls(parser)
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="TOML file of settings, or one with a table [serve]"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    flags = {setting: getattr(arguments, flag) for flag, setting in _FLAGS.items()}
    settings = load_settings(ServiceSettings, os.environ, arguments.config, flags, "serve")
    configure_logging("serve")
    return run_service(prepare(settings, __version__))
