# SPDX-License-Identifier: Apache-2.0
"""``countersign store migrate``: bring a store's schema to this program's version; as its owner, not as a sidecar.

It goes in steps that each stand by themselves, while sidecars of this version and the one before go on. Interrupted,
the same command takes it up again.
"""

import argparse

from audit_sidecar.stores.url import HELP, migrate_store


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help=HELP)


def run(arguments: argparse.Namespace) -> int:
    """Do it and say what was done."""
    for line in migrate_store(arguments.store):
        print(line)
    return 0
