# SPDX-License-Identifier: Apache-2.0
"""Write a bundle into `models/<id>/<version>`, whole or not at all, and never over another released one."""

import shutil
import tempfile
from pathlib import Path

from training.errors import TrainingRefused
from training.pipeline import Trained


def release(trained: Trained, out: Path) -> Path:
    """Write the bundle under `out` and give its folder; the same bundle again is left alone. Raises TrainingRefused."""
    card = trained.card
    target = out / card.model_id / card.version
    if target.exists():
        if _files(target) == trained.files:
            return target
        raise TrainingRefused(
            f"{target} already holds a different bundle; raise `version` in the recipe, or name another --out"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".training-", dir=target.parent) as folder:
            fresh = Path(folder) / card.version
            for file, data in trained.files.items():
                (fresh / file).parent.mkdir(parents=True, exist_ok=True)
                (fresh / file).write_bytes(data)
            shutil.move(fresh, target)
    except OSError as error:
        raise TrainingRefused(f"cannot write {target}: {error.strerror}; name a folder that can be written") from None
    return target


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
