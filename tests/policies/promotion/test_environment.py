# SPDX-License-Identifier: Apache-2.0
"""The folder of an environment is replaced whole, or stays as it was."""

from pathlib import Path

import pytest

from policies.errors import CannotEvaluate
from policies.promotion.environment import changes, environment, read_files, replace


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    """What is not among the new files is gone, and nothing else lies around afterwards."""
    place = environment(tmp_path, "staging")
    for files in ({"rendered/a.yaml": b"a", "verdict/v": b"v"}, {"rendered/b.yaml": b"b"}, {"rendered/b.yaml": b"c"}):
        replace(place, files)
        assert read_files(place.folder) == files
    assert [path.name for path in tmp_path.iterdir()] == ["staging"]


def test_what_cannot_be_put_in_place_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of the two renames fails."""
    place = environment(tmp_path, "staging")
    replace(place, {"a": b"a"})
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(CannotEvaluate, match="No space left on device"):
        replace(place, {"b": b"b"})
    assert read_files(place.folder) == {"a": b"a"}
    assert [path.name for path in tmp_path.iterdir()] == ["staging"]


def test_a_link_is_no_file_of_an_environment(tmp_path: Path) -> None:
    """Argo CD would follow it, and Git would not bring what it leads to."""
    place = environment(tmp_path, "staging")
    replace(place, {"a": b"a"})
    (place.folder / "b").symlink_to(tmp_path)
    with pytest.raises(CannotEvaluate, match="is no file"):
        read_files(place.folder)


def test_changes_are_told_by_path() -> None:
    """New, gone, another."""
    assert list(changes({"a": b"", "b": b"1"}, {"b": b"2", "c": b""})) == ["- a", "~ b", "+ c"]


@pytest.mark.parametrize("name", ["", "../prod", "a/b", ".staging", "Staging"])
def test_a_name_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    """It comes from a command line or a workflow."""
    with pytest.raises(CannotEvaluate, match="is no environment"):
        environment(tmp_path, name)
