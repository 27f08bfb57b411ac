# SPDX-License-Identifier: Apache-2.0
"""Request bodies: synthetic accounts that differ from each other, in the form that each server takes."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

DIFFERENT: Final = 5_000


class Account(NamedTuple):
    """One row of the reference model with the customer it is about."""

    customer_id: str
    tenure_months: float
    monthly_charges: float
    total_charges: float
    num_complaints: int


def accounts(count: int, seed: int = 7) -> list[Account]:
    """The same synthetic accounts for the same seed."""
    draw = random.Random(seed)  # noqa: S311  (load, not secrets)
    return [
        Account(
            f"C-{draw.randrange(10**7):07d}",
            round(draw.uniform(0, 120), 1),
            round(draw.uniform(20, 150), 2),
            round(draw.uniform(20, 10_000), 2),
            draw.randrange(8),
        )
        for _ in range(count)
    ]


def single(account: Account) -> dict[str, Any]:
    """``POST /predict`` of the service, of the application it starts from, and of the echo."""
    return account._asdict()


def batch(rows: Iterable[Account]) -> dict[str, Any]:
    """``POST /predict/batch`` of the service."""
    return {"instances": [row._asdict() for row in rows]}


def kserve(account: Account) -> dict[str, Any]:
    """KServe's V1 protocol."""
    return {"instances": [account[1:]]}


def inference(account: Account) -> dict[str, Any]:
    """The Open Inference Protocol."""
    return {"inputs": [{"name": "features", "shape": [1, 4], "datatype": "FP64", "data": list(account[1:])}]}


def write(path: Path, bodies: Iterable[Any]) -> Path:
    """One JSON document a line."""
    path.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    return path
