# SPDX-License-Identifier: Apache-2.0
"""Train the dictionary that stores compress spans with: ``python -m bench.dictionary FILE``.

Every training span is synthetic, made from fixed seeds, so that the file can be made again bit for bit with the same
zstandard and no dictionary ever holds anything of a real person. Models beside the reference models stand for those of
other people.
"""

import json
import random
import sys
from pathlib import Path
from typing import Final

import zstandard

from audit_sidecar.stores.kept_span import abridge
from audit_sidecar.stores.store import Finding
from contracts.identifiers import uuid_text
from contracts.leaf import Leaf
from contracts.otlp import encode_span, with_sequence
from contracts.prediction import PredictionEvent, to_span
from contracts.timestamps import format_time

SIZE: Final = 8 << 10
_SPANS: Final = 6_000
_START: Final = 1_767_225_600_000_000_000
_MODELS: Final = {
    "telecom-churn": ("churn_probability", ("churn", "retain"),
                      ("tenure_months", "monthly_charges", "total_charges", "num_complaints")),
    "telco-watson": ("churn_probability", ("churn", "retain"),
                     ("tenure_months", "monthly_charges", "total_charges", "contract", "payment_method")),
    "credit-risk": ("default_probability", ("default", "repay"), ("age", "income", "amount", "duration_months")),
    "fraud": ("score", ("fraud", "legitimate"), ("amount", "hour", "country", "merchant_category")),
}  # fmt: skip
_SHARES: Final = (12, 4, 2, 2)


def train() -> bytes:
    """The dictionary's bytes."""
    draw = random.Random(20_260_101)  # noqa: S311  (training data, not secrets)
    samples: list[bytes | bytearray | memoryview] = [_span(draw, number) for number in range(_SPANS)]
    return zstandard.train_dictionary(SIZE, samples, k=2048, d=8, dict_id=1, level=3).as_bytes()


def _span(draw: random.Random, number: int) -> bytes:
    (model,) = draw.choices(list(_MODELS), _SHARES)
    score_field, labels, names = _MODELS[model]
    score, end = draw.random(), _START + draw.randrange(10**17)
    request_id = _identifier(draw, end)
    values = {name: round(draw.uniform(0, 10 ** draw.randrange(1, 5)), draw.randrange(3)) for name in names}
    parts = {name: draw.gauss(0, 2) for name in names}
    strongest = sorted(names, key=lambda name: -abs(parts[name]))
    answer = {
        score_field: round(score, 4), "prediction": labels[score < 0.5], "model_version": "1.0.0",
        "request_id": uuid_text(request_id), "timestamp": format_time(end),
        "reasons": [{"feature": name, "contribution": round(parts[name], 6)} for name in strongest],
    }  # fmt: skip
    event = PredictionEvent(
        request_id=request_id, span_id=draw.randbytes(8), start=end - draw.randrange(10**6), end=end,
        subject=draw.randbytes(16).hex(), subject_key_id="k1", caller=draw.choice(("local", "web", "batch")),
        input=_json(values), answer=_json(answer), label=labels[score < 0.5], score=score, answer_status=200,
        batch_id=uuid_text(_identifier(draw, end)) if draw.random() < 0.2 else None,
        threshold=0.5, explanation=_json(parts),
    )  # fmt: skip
    # As the store compresses them: what its rows hold is left out.
    span = with_sequence(encode_span(to_span(event, model)), number)
    leaf = Leaf(b"", "prediction", event.span_id, end, request_id)
    return abridge(span, leaf, Finding(event.subject, event.label, score))


def _identifier(draw: random.Random, nanoseconds: int) -> bytes:
    tail = bytearray(draw.randbytes(10))
    tail[0], tail[2] = tail[0] & 0x0F | 0x70, tail[2] & 0x3F | 0x80
    return (nanoseconds // 10**6).to_bytes(6) + bytes(tail)


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(train())
