# SPDX-License-Identifier: Apache-2.0
"""What to tell whoever starts a sidecar on a store that is behind what was signed."""


def what_to_do(place: str, after: str | None = None) -> str:
    """The way out, where ``place`` is what knows the later state, and ``after`` how the command names it."""
    return (
        f"Restore the newer copy of the store. If there is none, this log has ended and is never signed again: keep "
        f"{place}, it is evidence of it, and start a new log under a new origin that names the lost one: "
        f"'countersign store init STORE --key NEW-KEY --after {after or place} --after-key VKEY' "
        "(docs/runbooks/lost-log.md)"
    )
