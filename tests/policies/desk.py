# SPDX-License-Identifier: Apache-2.0
"""A folder with the reference bundles and their governance, to be changed and judged through the real command line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from contracts.canonical import parse_json
from scripts.demonstration_approvals import approve_all
from tests.policies.examples import AS_OF
from tests.tree import ROOT

TELCO = "models/telco-watson/1.0.0"
CHURN = "models/telecom-churn/1.0.0"


class Judged(NamedTuple):
    """What `countersign check` did."""

    code: int
    out: str
    err: str
    report: dict[str, Any]
    """The JSON report; empty where none could be written."""

    def stopping(self) -> dict[str, list[str]]:
        """Rule to the places of its findings, for every case that stops the release."""
        return {
            case["rule"]: [f"{at['file']}:{at['line']}:{at['column']}" for at in (f["place"] for f in case["findings"])]
            for case in self.report["cases"]
            if case["blocking"]
        }


class Desk(NamedTuple):
    """The folder, and what can be done in it."""

    root: Path

    def check(self, *words: str, as_of: str = AS_OF.isoformat(), profile: str = "prod") -> Judged:
        """Run `countersign check` in the folder; the report goes to a file as well."""
        file = self.root / "report.json"
        file.unlink(missing_ok=True)
        quick = ["--no-recomputation"] if profile == "dev" else []
        outputs = ["--output", f"json={file}", "--output", "text"]
        ran = self.run("check", *words, *quick, "--as-of", as_of, "--profile", profile, *outputs)
        return Judged(ran.returncode, ran.stdout, ran.stderr, json.loads(file.read_text()) if file.exists() else {})

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder."""
        plain = {key: value for key, value in os.environ.items() if not key.startswith("COUNTERSIGN_")}
        return subprocess.run(
            [sys.executable, "-m", "countersign", *words],
            cwd=self.root,
            env={**plain, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def edit(self, file: str, old: str, new: str) -> int:
        """Replace the one place where a text stands; the number of its line."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), "utf-8")
        return text[: text.index(old)].count("\n") + 1

    def change(self, file: str, change: Callable[[bytes], bytes]) -> None:
        """Rewrite a file."""
        path = self.root / file
        path.write_bytes(change(path.read_bytes()))

    def waive(self, *entries: dict[str, str]) -> None:
        """Add waivers to the file as it is."""
        path = self.root / "governance" / "waivers.yaml"
        whole = yaml.safe_load(path.read_text()) if path.exists() else {"schema": "countersign.dev/waivers/v1"}
        whole["waivers"] = [*(whole.get("waivers") or []), *entries]
        path.write_text(yaml.safe_dump(parse_json(json.dumps(whole, default=str)), sort_keys=False))

    def approve(self) -> None:
        """Have everything approved as it is now, with the demonstration keys."""
        assert approve_all(self.root) == 0


def lay_out(root: Path, *bundles: str) -> Desk:
    """A desk with these bundles, approved as they are."""
    for bundle in bundles:
        shutil.copytree(ROOT / bundle, root / bundle)
        for beside in (ROOT / bundle).parent.iterdir():
            if beside.is_file():  # what stands beside the versions of a model
                shutil.copy(beside, (root / bundle).parent)
    (root / "governance").mkdir(parents=True)
    for file in ("approvers.yaml", "waivers.yaml"):
        if (ROOT / "governance" / file).exists():
            shutil.copy(ROOT / "governance" / file, root / "governance" / file)
    shutil.copytree(ROOT / "governance" / "demonstration-keys", root / "governance" / "demonstration-keys")
    desk = Desk(root)
    desk.approve()
    return desk
