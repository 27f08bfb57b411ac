# SPDX-License-Identifier: Apache-2.0
"""``countersign verify-verdict``: 0 verified, 1 refused, 2 unreadable, 64 usage. Offline, with public keys alone.

With ``--allow`` what was verified is then put on the list of what may be deployed, in the cluster that this runs in; 0
means that it stands there, too.
"""

import argparse
import datetime as dt
import os
import re
from pathlib import Path

from contracts.errors import SettingInvalid
from contracts.release import verdict_digest
from countersign.gate_arguments import EXIT_FAILED, EXIT_PASSED, UsageMistake, guarded, released_image
from policies.admission.allowance import Allowance, allow
from policies.admission.api_server import ACCOUNT, change_config_map, in_cluster
from policies.verdict.signing_keys import key_id, read_public_key
from policies.verdict.statement import VERIFIER
from policies.verdict.verification import Wanted, refusal, verify_verdict

_PROFILE = "COUNTERSIGN_PROFILE_"
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verdict", metavar="VERDICT", type=Path, help="the file that `attest` wrote, …vsa.intoto.jsonl")
    parser.add_argument(
        "--key",
        metavar="PUBLIC",
        type=Path,
        action="append",
        required=True,
        help="trusted public key in PEM; repeatable",
    )
    parser.add_argument("--bundle", metavar="DIR", help="the bundle that the verdict has to be about")
    parser.add_argument("--manifests", metavar="DIR", help="the rendered manifests that it has to be about")
    parser.add_argument(
        "--subject", metavar="NAME=SHA256", type=_subject, action="append", default=[], help="any subject; repeatable"
    )
    for part in ("card", "artifact"):
        parser.add_argument(
            f"--{part}", metavar="NAME=SHA256", type=_subject, help=f"as --subject: the {part} of the release"
        )
    parser.add_argument(
        "--image",
        metavar="NAME@DIGEST",
        type=released_image,
        action="append",
        default=[],
        help="an image that it has to be about, registry/name@sha256:…; repeatable",
    )
    parser.add_argument(
        "--allow",
        metavar="CONFIGMAP",
        help="then put --card, --artifact and every --image on this list; only in a pod whose account may write it",
    )
    parser.add_argument("--account", metavar="DIR", type=Path, default=ACCOUNT, help=argparse.SUPPRESS)
    parser.add_argument(
        "--level",
        metavar="LEVEL",
        action="append",
        default=[],
        help="a level it has to reach; repeatable; without one of a profile also COUNTERSIGN_PROFILE_PROD",
    )
    parser.add_argument("--resource-uri", metavar="URI", help="the resource that it has to be for")
    parser.add_argument(
        "--policy-digest", metavar="SHA256", type=_digest, help="the rules and law that it has to rest on"
    )
    parser.add_argument("--verifier", metavar="URI", default=VERIFIER, help="who the keys are trusted to be (the gate)")
    parser.add_argument(
        "--as-of", metavar="DATE", type=_day, help="the day on which it has to hold, such as 2026-11-23 (now)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify and print the steps; the exit code."""
    return guarded("verify-verdict", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    subjects = _subjects(arguments)
    if not subjects:
        raise UsageMistake("name what the verdict has to be about: --bundle, --manifests, --image or --subject")
    if arguments.allow is not None and not (arguments.card and arguments.artifact and arguments.image):
        raise UsageMistake("--allow needs --card, --artifact and every --image: they are what is allowed")
    if arguments.allow is not None and arguments.as_of is not None:
        raise UsageMistake("--allow is for today: a verdict of another day allows nothing; leave --as-of out")
    envelope = _read(arguments.verdict)
    public = [read_public_key(file) for file in arguments.key]
    wanted = Wanted(
        subjects=subjects,
        now=arguments.as_of or _now(),
        resource_uri=arguments.resource_uri,
        policy_digest=arguments.policy_digest,
        levels=_levels(arguments.level),
        verifier=arguments.verifier,
    )
    steps = verify_verdict(envelope, {key_id(key): key for key in public}, wanted)
    for step in steps:
        print(step.line())
    refused = refusal(steps)
    if refused is not None:
        print(f"REFUSED: the verdict is refused at step {refused.number}, {refused.title}: {refused.detail}")
        return EXIT_FAILED
    digest = verdict_digest(envelope)
    print(f"VERIFIED: verdict sha256 {digest}")
    if arguments.allow is not None:
        print(_allow(arguments, digest))
    return EXIT_PASSED


def _allow(arguments: argparse.Namespace, verdict: str) -> str:
    """Make the release the current entry of the list; what was done."""
    allowance = Allowance(arguments.card[1], arguments.artifact[1], tuple(arguments.image))
    server, now = in_cluster(os.environ, arguments.account), _now()
    written = change_config_map(server, arguments.allow, lambda data: allow(data, allowance, verdict, now))
    return f"{'ALLOWED' if written else 'ALREADY ALLOWED'}: {' '.join(allowance.words)}"


def _levels(asked: list[str]) -> tuple[str, ...]:
    """What was asked for; a verdict of a laxer profile than prod has to be asked for by name."""
    named = any(level.startswith(_PROFILE) for level in asked)
    return tuple(asked) if named else (*asked, f"{_PROFILE}PROD")


def _subjects(arguments: argparse.Namespace) -> dict[str, str]:
    """What was shown; digests are computed from what lies there, never read from a card."""
    subjects: dict[str, str] = {}
    if arguments.bundle is not None:
        # Imported here: whoever has digests in hand needs no reader of YAML.
        from policies.runner.reading import bundle_digests
        from policies.targets.bundle import read_bundle

        bundle = read_bundle(arguments.bundle)
        folder = f"{bundle.card.model_id}/{bundle.card.version}"
        subjects.update({f"{folder}/{file}": digest for file, digest in bundle_digests(bundle).items()})
    if arguments.manifests is not None:
        from policies.rules.kubernetes.image_digest import image_subjects
        from policies.targets.manifests import read_manifests

        manifests = read_manifests(arguments.manifests)
        subjects.update(image_subjects(manifests), manifests=manifests.digest)
    named = [part for part in (arguments.card, arguments.artifact) if part is not None]
    images = [(image.subject, image.digest) for image in arguments.image]
    for name, digest in (*named, *images, *arguments.subject):
        if subjects.setdefault(name, digest) != digest:
            raise UsageMistake(f"{name} is shown with two digests")
    return subjects


def _subject(text: str) -> tuple[str, str]:
    name, _, digest = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SHA256")
    return name, _digest(digest)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _digest(text: str) -> str:
    found = _SHA256.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256: write 64 lower-case hex digits")
    return found[1]


def _day(text: str) -> dt.datetime:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-23") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"cannot read {file}: {error.strerror or type(error).__name__}") from None
