# SPDX-License-Identifier: Apache-2.0
"""Taking a stack down: evidence, and whatever guards it, stays, however it is asked for."""

from pathlib import Path

import pytest

from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine.engine import Json

EVIDENCE = ("archive:Archive", "database:Database", "keys:EncryptionKey", "keys:SigningKey", "tables:EvidenceTables")


def evidence(resources: list[Json]) -> set[str]:
    """Everything inside the parts that keep evidence: what holds it, and each policy, lock, key and alias beside."""
    return {item["urn"] for item in resources if any(f"countersign:{part}$" in item["urn"] for part in EVIDENCE)}


def test_nothing_is_taken_down_while_something_is_protected(cloud: Cloud, tmp_path: Path) -> None:
    """`pulumi destroy` looks first, sees what is protected, and leaves everything as it was."""
    engine = cloud.engine.copied(tmp_path)
    before = {item["urn"] for item in engine.resources("prod")}
    ran = engine.pulumi("destroy", "--yes", stack="prod", serve=True)
    assert ran.code != 0
    assert "because it is protected" in ran.said
    assert {item["urn"] for item in engine.resources("prod")} == before


def test_without_a_look_first_evidence_and_its_guards_stay_all_the_same(cloud: Cloud, tmp_path: Path) -> None:
    """`--skip-preview` takes what is not protected: no table, object, key, lock or policy of evidence is."""
    engine = cloud.engine.copied(tmp_path)
    kept = evidence(engine.resources("prod"))
    assert len(kept) > 20
    assert engine.pulumi("destroy", "--yes", "--skip-preview", stack="prod", serve=True).code != 0
    after = {item["urn"] for item in engine.resources("prod")}
    assert kept <= after
    assert not any(urn.endswith("NodeGroup::countersign-prod") for urn in after), "nothing was taken down at all"


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("    database:\n      least_capacity: 1\n      most_capacity: 32\n", "", "database:Database$"),
        ("name: countersign-prod\n", "name: countersign-other\n", "tables:EvidenceTables$"),
    ],
)
def test_settings_cannot_take_evidence_away(cloud: Cloud, old: str, new: str, kept: str) -> None:
    """A store that is no longer asked for, or has another name, would be deleted or replaced: that is refused."""
    with cloud.engine.changed("prod", old, new):
        ran = cloud.engine.pulumi("preview", stack="prod", serve=True)
    assert ran.code != 0
    refused = [line for line in ran.said.splitlines() if "cannot be deleted" in line]
    assert any(f"countersign:{kept}" in line for line in refused)
    assert "because it is protected" in ran.said


def test_without_protection_evidence_leaves_the_state_and_not_the_account(cloud: Cloud, tmp_path: Path) -> None:
    """Protection can be taken off by hand, and everything destroyed: the provider is not asked to delete evidence."""
    engine = cloud.engine.copied(tmp_path)
    kept = evidence(engine.resources("staging"))
    every = {item["urn"] for item in engine.resources("staging") if item["type"].startswith("aws:")}
    assert engine.pulumi("state", "unprotect", "--all", "--yes", stack="staging").code == 0
    assert engine.destroy("staging").code == 0
    assert engine.resources("staging") == []
    assert engine.deleted("staging") == every - kept


def test_only_a_stack_that_says_so_can_go_whole(cloud: Cloud, tmp_path: Path) -> None:
    """`removable: true` stands in dev alone, and there nothing is left."""
    engine = cloud.engine.copied(tmp_path)
    assert engine.destroy("dev").code == 0
    assert engine.resources("dev") == []
