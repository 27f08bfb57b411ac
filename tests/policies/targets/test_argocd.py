# SPDX-License-Identifier: Apache-2.0
"""Argo CD's objects are picked out of a folder, and a folder without any is refused."""

from pathlib import Path

import pytest

from policies.errors import TargetUnreadable
from policies.targets.argocd import read_argocd
from tests.tree import ROOT

OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n"


def test_only_its_own_objects_are_read(tmp_path: Path) -> None:
    """Projects, applications and its settings; what lies beside them belongs to other targets."""
    folder = ROOT / "tests" / "fixtures" / "policies" / "argocd"
    (tmp_path / "a.yaml").write_bytes((folder / "models.yaml").read_bytes())
    (tmp_path / "b.yaml").write_text(OTHER + "---\n" + OTHER.replace("other", "argocd-cm"))
    target = read_argocd(str(tmp_path))
    assert [item.kind for item in target.objects] == ["AppProject", "ApplicationSet", "ConfigMap"]
    assert [item.name for item in target.of("ConfigMap")] == ["argocd-cm"]


def test_a_folder_without_any_is_unreadable(tmp_path: Path) -> None:
    """Manifests named as the wrong target must not pass as an empty one."""
    (tmp_path / "a.yaml").write_text(OTHER)
    with pytest.raises(TargetUnreadable, match="holds no object of Argo CD"):
        read_argocd(str(tmp_path))
