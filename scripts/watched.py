# SPDX-License-Identifier: Apache-2.0
"""A stack under load with a real Prometheus that watches it: what dashboards are tested against and pictured from.

Everything listens on loopback and is gone afterwards. The rules are the files of the chart. One monitor of the card is
overdue from the start, so that one alert fires.
"""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import yaml

from contracts.address import free_ports
from countersign.demo.processes import Running
from countersign.stack import Stack
from countersign.state import prepare_state
from scripts.tools import find

ROOT: Final = Path(__file__).parents[1]
RULES: Final = ROOT / "charts" / "countersign" / "rules"
BUNDLE: Final = ROOT / "models" / "telecom-churn" / "1.0.0"
JOB: Final = "countersign-audit"
NAMESPACE: Final = "demonstration"
_PATIENCE_SECONDS: Final = 30


class Watched:
    """Prometheus scrapes every ``interval`` and evaluates rules as often; both as Prometheus writes durations."""

    def __init__(self, folder: Path, interval: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, audit_port, metrics_port, self._prometheus_port = free_ports(4)
        settings = folder / "settings.toml"
        (folder / "archive").mkdir()
        archive = json.dumps(str(folder / "archive"))
        settings.write_text(f"[sidecar]\narchive = {archive}\narchive_interval = 1.0\n")
        self.stack = Stack(
            BUNDLE, prepare_state(folder / "state"), port, audit_port, metrics_port, config=str(settings)
        )
        # Nobody listens there, so that telemetry spans fail and are counted.
        (closed,) = free_ports(1)
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{closed}", "OTEL_BSP_SCHEDULE_DELAY": "200",
                     "OTEL_EXPORTER_OTLP_TIMEOUT": "200"}  # fmt: skip
        self.sidecar = Running(self.stack.sidecar(), folder / "sidecar.log")
        self.service = Running(self.stack.service(), folder / "service.log", {**os.environ, **telemetry})
        self._folder = folder
        self._interval = interval
        self._prometheus: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Watched":
        try:
            self.sidecar.start()
            self.service.start()
            self._start_prometheus()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._prometheus is not None:
            self._prometheus.terminate()
            self._prometheus.wait(_PATIENCE_SECONDS)
        self.service.stop()
        self.sidecar.stop()

    def load(self, seconds: float, rate: float) -> None:
        """Single predictions at ``rate`` a second; once a second a batch, a receipt and something to refuse."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=_PATIENCE_SECONDS)
        started, sent = time.monotonic(), 0
        while (now := time.monotonic() - started) < seconds:
            if sent < now * rate:
                answer = self._ask(connection, "POST", "/predict", _row(sent))
                if sent % max(1, int(rate)) == 0:
                    self._ask(connection, "POST", "/predict", {**_row(sent), "tenure_months": "long"})
                    self._ask(connection, "POST", "/predict/batch", {"instances": [_row(n) for n in range(50)]})
                    self._ask(connection, "GET", f"/predict/{answer.get('request_id')}/receipt", None)
                    self._malformed_export()
                sent += 1
            else:
                time.sleep(0.002)
        connection.close()

    def hold_sidecar(self, seconds: float, rate: float) -> None:
        """Nothing is acknowledged for a while, under load: answers are withheld."""
        loading = [threading.Thread(target=self.load, args=(seconds + 3, rate / 4)) for _ in range(4)]
        for each in loading:
            each.start()
        self.sidecar.hold(seconds)
        for each in loading:
            each.join()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; ValueError with Prometheus' own words when it takes it not."""
        return list(self._api("query", {"query": expression})["result"])

    def history(self, expression: str, seconds: float, step: float) -> list[dict[str, Any]]:
        """The expression over the last ``seconds``."""
        now = time.time()
        asked = {"query": expression, "start": str(now - seconds), "end": str(now), "step": str(step)}
        return list(self._api("query_range", asked)["result"])

    def exemplars(self, expression: str) -> list[dict[str, str]]:
        """Labels of the exemplars of a minute."""
        now = time.time()
        found = self._api("query_exemplars", {"query": expression, "start": str(now - 60), "end": str(now)})
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]

    def _start_prometheus(self) -> None:
        folder = self._folder / "prometheus"
        folder.mkdir()
        yesterday = f"vector({time.time() - 86400:.0f})"
        reviews = {"record": "countersign_monitor_review_due_timestamp_seconds", "expr": yesterday,
                   "labels": {"namespace": NAMESPACE, "job": JOB, "monitor": "recall on known outcomes"}}  # fmt: skip
        (folder / "reviews.yaml").write_text(json.dumps({"groups": [{"name": "reviews", "rules": [reviews]}]}))
        targets = [f"127.0.0.1:{self.stack.metrics_port}", f"127.0.0.1:{self.stack.audit_port}"]
        config = {
            "global": {"scrape_interval": self._interval, "evaluation_interval": self._interval,
                       "scrape_timeout": self._interval},
            "rule_files": [str(RULES / "*.yaml"), "reviews.yaml"],
            "scrape_configs": [
                {"job_name": JOB, "static_configs": [{"targets": targets, "labels": {"namespace": NAMESPACE}}]}
            ],
        }  # fmt: skip
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{self._prometheus_port}"
        with (folder / "log").open("wb") as log:
            self._prometheus = subprocess.Popen(
                [str(find("prometheus")), f"--config.file={folder / 'prometheus.yml'}", "--log.level=warn",
                 f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}",
                 "--enable-feature=exemplar-storage"],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # It takes its targets up five seconds after its start.
        while not (_ready(f"http://{address}/-/ready") and len(self.query("up == 1")) == len(targets)):
            if self._prometheus.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Prometheus did not start:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def _api(self, route: str, asked: Mapping[str, str]) -> Any:
        url = f"http://127.0.0.1:{self._prometheus_port}/api/v1/{route}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{asked['query']}: {json.loads(error.read())['error']}") from error

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, body: Any) -> dict[str, Any]:
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, text, {"Content-Type": "application/json"})
            return dict(json.loads(connection.getresponse().read() or b"{}"))
        except (OSError, http.client.HTTPException):
            connection.close()
            return {}

    def _malformed_export(self) -> None:
        head = b"POST /v1/traces HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sender:
            sender.settimeout(_PATIENCE_SECONDS)
            sender.connect(str(self.stack.state.socket))
            sender.sendall(head + b"Content-Type: application/x-protobuf\r\nContent-Length: 3\r\n\r\n\xff\xff\xff")
            sender.recv(4096)


def _row(number: int) -> dict[str, Any]:
    tenure = 1 + number * 7 % 72
    monthly = 20 + number * 13 % 130
    return {
        "customer_id": f"C-{number}", "tenure_months": tenure, "monthly_charges": float(monthly),
        "total_charges": float(tenure * monthly), "num_complaints": number % 8,
    }  # fmt: skip


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  (loopback)
            return bool(answer.status == 200)
    except OSError:
        return False
