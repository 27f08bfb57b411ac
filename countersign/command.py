# SPDX-License-Identifier: Apache-2.0
"""The shape of one command, and the table of all of them.

A command is one module in ``countersign/commands`` with ``configure(parser)`` and ``run(arguments) -> exit code``.
It is imported only when it is called, so ``countersign --version`` does not pay for a web framework, and
``audit verify`` runs where nothing but ``cryptography`` is installed.
"""

import argparse
from typing import Final, NamedTuple, Protocol


class CommandModule(Protocol):
    """What `importlib.import_module` returns for a command."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit code. A CountersignError is printed as one line by the caller and exits with 2."""


class Command(NamedTuple):
    """``path`` is what the user types, ``module`` the file in countersign/commands."""

    path: tuple[str, ...]
    module: str
    summary: str


COMMANDS: Final = (
    Command(("up",), "up", "run service and sidecar on this machine"),
    Command(("serve",), "serve", "the inference service"),
    Command(("sidecar",), "sidecar", "the audit sidecar"),
    Command(("demo",), "demo", "serve, predict, prove, withhold, detect a tamper"),
    Command(("train",), "train", "make a model bundle"),
    Command(("check",), "check", "judge bundles and what they are deployed with"),
    Command(("approve",), "approve", "sign that a bundle may be released as it is"),
    Command(("attest",), "attest", "judge, and sign the outcome as a verdict"),
    Command(("verify-verdict",), "verify_verdict", "verify a verdict offline"),
    Command(("promote",), "promote", "render, judge and sign a release into its environment's folder"),
    Command(("probe",), "probe", "ask a URL whether all is well, where there is no curl"),
    Command(("keygen",), "keygen", "make log and subject keys"),
    Command(("token",), "token", "make a bearer token"),
    Command(("store", "init"), "store_init", "create the log in a store"),
    Command(("store", "migrate"), "store_migrate", "bring a store's schema to this version"),
    Command(("store", "status"), "store_status", "say what a store holds"),
    Command(("audit", "serve"), "audit_serve", "the read side alone, over a store that several programs share"),
    Command(("audit", "search"), "audit_search", "find records"),
    Command(("audit", "show"), "audit_show", "show one record whole"),
    Command(("audit", "proof"), "audit_proof", "write the inclusion proof of a record"),
    Command(("audit", "completeness"), "audit_completeness", "say what each producer sent and what is missing"),
    Command(("audit", "verify"), "audit_verify", "verify a receipt offline"),
    Command(("audit", "fsck"), "audit_fsck", "re-derive a whole log and compare"),
    Command(("audit", "export-log"), "audit_export_log", "write the log as C2SP files"),
)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """The arguments that every server takes for TLS."""
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain, for every TCP listener; with --tls-key")
    parser.add_argument("--tls-key", metavar="FILE", help="private key of the certificate, unencrypted")
