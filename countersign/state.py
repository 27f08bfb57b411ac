# SPDX-License-Identifier: Apache-2.0
"""The folder that one stack keeps its keys and its log in."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.stores.url import create_store
from contracts.errors import SettingInvalid
from contracts.identifiers import IdSource, uuid_text
from countersign.commands.keygen import write_keys


class State(NamedTuple):
    """Files of one stack."""

    folder: Path

    @property
    def log_key(self) -> Path:
        """The log's private key."""
        return self.folder / "log.key"

    @property
    def log_vkey(self) -> Path:
        """The log's public key."""
        return self.folder / "log.vkey"

    @property
    def subject_key(self) -> Path:
        """The keys that pseudonyms are made with."""
        return self.folder / "subject.key"

    @property
    def store_file(self) -> Path:
        """The embedded store."""
        return self.folder / "store.db"

    @property
    def store(self) -> str:
        """Its store URL."""
        return f"sqlite:///{self.store_file.resolve()}"

    @property
    def socket(self) -> Path:
        """Where the sidecar receives evidence."""
        return self.folder / "evidence.sock"


def prepare_state(folder: Path) -> State:
    """The state in ``folder``, made anew where there is none at all.

    SettingInvalid when keys and store do not stand together: whichever was lost, carrying on would start a second
    history under the first one's name.
    """
    state = State(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingInvalid(f"cannot make the folder {folder}: {error.strerror}") from error
    files = (state.store_file, state.subject_key, state.log_vkey, state.log_key)
    missing = [file.name for file in files if not file.exists()]
    if len(missing) == len(files):
        _create(state)
    elif missing == ["store.db"]:
        raise SettingInvalid(
            f"{folder} has keys but no store.db: the log's state is lost. Restore store.db from a copy; or, if it is "
            "gone for good, start a new log under a new origin in another folder. A log is never begun twice"
        )
    elif missing:
        raise SettingInvalid(f"{folder} lacks {', '.join(missing)} beside what it has; restore it from a copy")
    return state


def _create(state: State) -> None:
    # Made aside and moved in, so that a crash in between leaves no half that could be mistaken for a loss of state.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=state.folder) as aside:
        fresh = State(Path(aside))
        write_keys(f"countersign.local/{uuid_text(IdSource().request_id())}", fresh.folder)
        origin = fresh.log_vkey.read_text().partition("+")[0]
        create_store(f"sqlite:///{fresh.store_file}", origin)
        for name in ("store.db", "subject.key", "log.vkey", "log.key"):
            (fresh.folder / name).rename(state.folder / name)
