# SPDX-License-Identifier: Apache-2.0
"""What the CloudWatch agent is told to scrape: a configuration that Prometheus takes, of series that there are.

No agent has run it; its keys are those that AWS documents.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from contracts import metrics
from tests.charts.rendering import WHOLE, container, one, scenario
from tests.conformance.outside import run
from tests.tree import ROOT

DOCUMENTS: Final = list(yaml.safe_load_all((ROOT / "gitops" / "cloudwatch" / "agent.yaml").read_text()))
SCRAPING: Final = DOCUMENTS[0]["data"]["prometheus.yaml"]
AGENT: Final = json.loads(DOCUMENTS[1]["data"]["cwagentconfig.json"])
HISTOGRAMS: Final = {metrics.REQUEST_DURATION, metrics.EVIDENCE_COMMIT, metrics.AUDIT_COMMIT, metrics.AUDIT_GROUP_SIZE}


def declared() -> list[dict[str, Any]]:
    """What the agent makes metrics of."""
    found: list[dict[str, Any]] = AGENT["logs"]["metrics_collected"]["prometheus"]["emf_processor"][
        "metric_declaration"
    ]
    return found


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    """The agent embeds the scraper of Prometheus. Debian's promtool is built without discovery in Kubernetes: of that
    part only the role is looked at here, and a list of targets stands in its place.
    """
    config = yaml.safe_load(SCRAPING)
    (scraping,) = config["scrape_configs"]
    assert scraping.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    scraping["static_configs"] = [{"targets": ["127.0.0.1:9464"]}]
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config))
    ran = run("promtool", "check", "config", "--syntax-only", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_finds_the_pods_of_the_chart() -> None:
    """Labels and port names are those that the chart renders."""
    template = one(scenario(WHOLE), "Deployment")["spec"]["template"]
    labels = template["metadata"]["labels"]
    by_labels, by_port = yaml.safe_load(SCRAPING)["scrape_configs"][0]["relabel_configs"][:2]
    assert by_labels["regex"] == f"{labels['app.kubernetes.io/name']};{labels['app.kubernetes.io/component']}"
    ports = {port["name"] for name in ("service", "sidecar") for port in container(template, name)["ports"]}
    assert {port for port in ports if re.fullmatch(by_port["regex"], port)} == {"metrics", "audit"}


@pytest.mark.parametrize("declaration", declared(), ids=lambda each: each["metric_selectors"][0])
def test_it_sends_what_the_agent_can(declaration: dict[str, Any]) -> None:
    """Each series is one of the programs, no histogram, and is not dropped before it is looked at."""
    (dropping,) = yaml.safe_load(SCRAPING)["scrape_configs"][0]["metric_relabel_configs"]
    known = {*metrics.SERVICE_METRICS, *metrics.SIDECAR_METRICS} - HISTOGRAMS
    for selector in declaration["metric_selectors"]:
        name = selector.removeprefix("^").removesuffix("$")
        assert name in known
        assert re.fullmatch(dropping["regex"], name) is None
