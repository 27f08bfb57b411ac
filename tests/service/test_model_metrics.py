# SPDX-License-Identifier: Apache-2.0
"""What a scrape says of the model: drift of what it was really asked, through every door of the service."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from contracts import metrics
from contracts.bundle import load_bundle
from contracts.drift import FLOOR
from contracts.errors import BundleInvalid
from service.drift.drift import load_baseline
from tests.service.fake_sidecar import FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import LINEAR_CARD, ROW, write_linear_bundle

CHURN = Path(__file__).parents[2] / "models" / "telecom-churn" / "1.0.0"
BASELINE = json.loads((CHURN / "evidence" / "drift-baseline.json").read_text())
DRIFT = (metrics.FEATURE_PSI, metrics.ANSWER_PSI, metrics.ANSWER_SHARE, metrics.ANSWER_BASELINE, metrics.DRIFT_WINDOW)


async def scraped(service: Service) -> dict[str, dict[str, float]]:
    """The drift series by name, each by its own label."""
    text = (await service.client.get("/metrics", headers={"accept": "application/openmetrics-text"})).text
    found: dict[str, dict[str, float]] = {name: {} for name in DRIFT}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            if sample.name in DRIFT:
                labels = dict(sample.labels)
                assert labels.pop("version") == "1.0.0"
                del labels["model"]
                found[sample.name]["".join(labels.values())] = sample.value
    return found


async def test_drift_of_what_was_asked(sidecar: FakeSidecar, tmp_path: Path) -> None:
    """Single, batch and the long way count alike; what was refused does not count."""
    names = [feature["name"] for feature in BASELINE["features"]]
    async with running(CHURN, sidecar, keys=tmp_path) as service:
        empty = await scraped(service)
        assert (empty[metrics.DRIFT_WINDOW], empty[metrics.FEATURE_PSI]) == ({"": 0}, {})
        assert empty[metrics.ANSWER_BASELINE] == BASELINE["answers"]
        for path, body, status in (
            ("/predict", ROW, 200),
            ("/predict/", ROW, 200),
            ("/predict/batch", {"instances": [ROW] * 98}, 200),
            ("/predict", ROW | {"tenure_months": "long"}, 422),
        ):
            assert (await service.client.post(path, json=body)).status_code == status
        found = await scraped(service)
    assert found[metrics.DRIFT_WINDOW] == {"": 100}
    assert sorted(found[metrics.FEATURE_PSI]) == sorted(names)
    # All rows in one of ten bins that held a tenth of the training rows each.
    apart = 0.9 * math.log(10) + 9 * (0.1 - FLOOR) * math.log(0.1 / FLOOR)
    assert found[metrics.FEATURE_PSI]["tenure_months"] == pytest.approx(apart)
    assert found[metrics.ANSWER_SHARE] == {"churn": 1, "retain": 0}
    assert found[metrics.ANSWER_PSI][""] > 1


async def test_model_without_baseline_has_shares(mixed: Service) -> None:
    """Three classes, a free text and no baseline: nothing is compared, and nothing breaks."""
    row: dict[str, Any] = {"person": "P-1", "class": "gold", "note": "late again", "urgent": True, "age": 30}
    answer = await mixed.client.post("/predict", json=row)
    assert answer.status_code == 200
    text = (await mixed.client.get("/metrics")).text
    share = f'{metrics.ANSWER_SHARE}{{label="{answer.json()["priority"]}",model="small-ticket",version="2.1.0"}} 1.0'
    assert share in text.splitlines()
    assert f"{metrics.FEATURE_PSI}{{" not in text
    assert f"{metrics.ANSWER_PSI}{{" not in text


def test_baseline_that_is_not_the_cards(tmp_path: Path) -> None:
    """Refused at the start, with the file: other bytes than the card's, or a baseline of another model."""
    data = json.dumps(BASELINE | {"features": BASELINE["features"][:2]}).encode()
    entry = f'{{file: evidence/drift.json, sha256: "{hashlib.sha256(data).hexdigest()}", content: drift}}'
    card = LINEAR_CARD + f"monitoring: {{drift_baseline: evidence/drift.json}}\nevidence: [{entry}]\n"
    bundle = write_linear_bundle(tmp_path / "drift", card)
    file = bundle / "evidence" / "drift.json"
    file.write_bytes(data)
    with pytest.raises(BundleInvalid, match=r"drift\.json describes other features"):
        load_baseline(load_bundle(bundle))
    file.write_bytes(data + b"\n")
    with pytest.raises(BundleInvalid, match="has SHA-256"):
        load_baseline(load_bundle(bundle))
