# SPDX-License-Identifier: Apache-2.0
"""Lints policy documents with parliament, in a process of its own: JSON {name: document} in, {name: [finding]} out.

Its command line refuses a standard input that is no terminal, and it asks setuptools for the place of its data through
a module that setuptools no longer has; a stand-in answers that one question.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType


def place(package: str, name: str) -> str:
    """Where a file of an installed package is."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / name)


def main() -> None:
    """Lint what is on standard input."""
    stand_in = ModuleType("pkg_resources")
    stand_in.__dict__["resource_filename"] = place
    sys.modules["pkg_resources"] = stand_in
    parliament = importlib.import_module("parliament")
    findings = {
        name: [
            f"{finding.issue}: {finding.detail}"
            for finding in parliament.analyze_policy_string(json.dumps(document)).findings
        ]
        for name, document in json.load(sys.stdin).items()
    }
    json.dump(findings, sys.stdout)


if __name__ == "__main__":
    main()
