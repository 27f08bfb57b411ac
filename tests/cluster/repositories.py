# SPDX-License-Identifier: Apache-2.0
"""Bare Git repositories that a daemon serves on loopback, and somebody who signs what is committed to them."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

BASE: Final = "git://127.0.0.1:9418"
_SECONDS: Final = 60


class Signer:
    """A person with an OpenPGP key of their own, made anew."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.environment = {**os.environ, "GNUPGHOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}
        self._gpg(
            "--passphrase", "", "--quick-generate-key", "Release <release@example.com>", "ed25519", "sign", "never"
        )
        listed = self._gpg("--with-colons", "--list-secret-keys")
        fingerprint = next(line for line in listed.splitlines() if line.startswith("fpr:")).split(":")[9]
        self.key_id = fingerprint[-16:]
        self.public = self._gpg("--armor", "--export", self.key_id)

    def end(self) -> None:
        """End the agent that holds the key."""
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True, env=self.environment, timeout=_SECONDS)

    def _gpg(self, *words: str) -> str:
        command = ["gpg", "--batch", "--quiet", "--no-tty", *words]
        return subprocess.run(
            command, check=True, env=self.environment, stdout=subprocess.PIPE, text=True, timeout=_SECONDS
        ).stdout


class Repository:
    """A bare repository ``NAME.git`` below a folder, and a clone in which commits are made."""

    def __init__(self, served: Path, name: str, signer: Signer) -> None:
        self.url = f"{BASE}/{name}.git"
        self._signer, self._clone = signer, served.parent / f"{name}-clone"
        bare = served / f"{name}.git"
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True, timeout=_SECONDS
        )
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", self._clone], check=True, timeout=_SECONDS)
        self._git("remote", "add", "origin", str(bare))

    def commit(self, files: Mapping[str, bytes], why: str, signed: bool = True) -> str:
        """Push a commit after which these files are all that there is; its id."""
        for old in self._clone.iterdir():
            if old.name != ".git":
                shutil.rmtree(old)
        for name, content in files.items():
            (self._clone / name).parent.mkdir(parents=True, exist_ok=True)
            (self._clone / name).write_bytes(content)
        self._git("add", "--all")
        sign = f"--gpg-sign={self._signer.key_id}" if signed else "--no-gpg-sign"
        self._git("commit", "--quiet", "--allow-empty", sign, "--message", why)
        self._git("push", "--quiet", "origin", "main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str) -> str:
        person = ["-c", "user.name=Release", "-c", "user.email=release@example.com"]
        return subprocess.run(
            ["git", *person, *words], check=True, cwd=self._clone, env=self._signer.environment,
            stdout=subprocess.PIPE, text=True, timeout=_SECONDS,
        ).stdout  # fmt: skip


def daemon(served: Path) -> list[str]:
    """The command that serves every repository of a folder."""
    return [
        "git", "daemon", "--listen=127.0.0.1", "--port=9418", f"--base-path={served}", "--export-all", "--reuseaddr",
        "--informative-errors",
    ]  # fmt: skip
