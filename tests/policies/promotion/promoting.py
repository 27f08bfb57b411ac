# SPDX-License-Identifier: Apache-2.0
"""What tests of promotion promote: the reference bundle by the chart, into an environment of the test's own."""

import datetime as dt
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.promotion.environment import Environment
from policies.promotion.promotion import Conditions, Promotion, promote
from policies.promotion.release import Release, read_release
from tests.conformance.outside import outside
from tests.policies.examples import AS_OF
from tests.tree import ROOT

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TODAY: Final = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
DIGEST: Final = "sha256:" + "6e" * 31 + "bb"


def staging(**changes: Any) -> Release:
    """The committed example, changed."""
    return msgspec.structs.replace(read_release(ROOT / "environments" / "staging.yaml"), **changes)


def promoted(
    release: Release, before: dict[str, bytes] | None = None, now: dt.datetime = TODAY, program: str = "helm"
) -> Promotion:
    """Promote into environments/staging as of a day, from the root of the repository."""
    conditions = Conditions("0.1.0", Path("governance"), (), now, now.date(), outside(program))
    return promote(Environment(Path("environments"), "staging"), release, before or {}, KEY, conditions)


def document(files: dict[str, bytes], start: str) -> Any:
    """The one object of the folder whose file begins so."""
    (content,) = (content for name, content in files.items() if name.startswith(f"rendered/{start}"))
    return yaml.safe_load(content)
