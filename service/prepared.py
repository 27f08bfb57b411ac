# SPDX-License-Identifier: Apache-2.0
"""Everything that can be refused before a listener opens: settings, bundle, model, keys, tokens, addresses."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from contracts import semconv
from contracts.address import Address
from contracts.bearer import read_bearer
from contracts.bundle import load_bundle
from contracts.drift import DriftBaseline
from contracts.endpoint import Endpoint, parse_endpoint
from contracts.errors import SettingInvalid
from contracts.release import Release
from contracts.subject import SubjectKey, load_subject_keys
from contracts.tls import ServerTls, load_server_tls
from contracts.tokens import TokenTable, load_tokens
from service.drift.drift import load_baseline
from service.evidence.stream import Identity
from service.metrics import Facts
from service.model.model import Model
from service.settings import ServiceSettings

_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class Prepared(NamedTuple):
    """What a service is made of, verified."""

    settings: ServiceSettings
    model: Model
    baseline: DriftBaseline | None
    key: SubjectKey
    identity: Identity
    receiver: Endpoint
    audit: Endpoint | None
    tokens: TokenTable | None
    tls: ServerTls | None = None

    def facts(self) -> Facts:
        """What the metrics say about this process."""
        return Facts(
            self.identity.service_version,
            self.identity.model_id,
            self.identity.model_version,
            self.identity.model_digest,
            self.identity.release.digest(),
            self.model.card.output.labels,
        )


def prepare(settings: ServiceSettings, version: str) -> Prepared:
    """Read and check everything. Raises SettingInvalid, ModelCardInvalid or BundleInvalid, each with one clear line."""
    bundle_path = _given(settings.bundle, "--bundle", "a folder like models/<id>/<version>")
    evidence = _given(settings.evidence.url, "--evidence", "the sidecar's address")
    receiver = parse_endpoint(evidence, "--evidence", settings.ca_file)
    key_path = _given(settings.subject_key, "--subject-key", "a file; make one with 'countersign keygen'")
    tokens = None if settings.tokens is None else load_tokens(Path(settings.tokens))
    if tokens is None and not Address(settings.host).is_local:
        raise SettingInvalid(
            f"listening on {settings.host} without tokens would open the service to everyone; give --tokens FILE, "
            "or listen on 127.0.0.1"
        )
    for file in (settings.evidence.token_file, settings.audit_token_file):
        if file is not None:
            read_bearer(Path(file))
    key = load_subject_keys(Path(key_path))[0]
    audit = None if settings.audit_url is None else parse_endpoint(settings.audit_url, "--audit-url", settings.ca_file)
    bundle = load_bundle(Path(bundle_path))
    model, baseline = Model(bundle), load_baseline(bundle)
    tls = load_server_tls(settings.tls_cert, settings.tls_key)
    identity = _identity(settings, model, version)
    return Prepared(settings, model, baseline, key, identity, receiver, audit, tokens, tls)


def _given(value: str | None, flag: str, what: str) -> str:
    if not value:
        raise SettingInvalid(f"{flag} is missing: name {what}")
    return value


def _require_deployed(part: str, deployed: str | None, found: str) -> None:
    """What admission let pass is what is served: the pod names digests, the image brings the bundle."""
    if deployed is not None and _digest(part, deployed) != found:
        raise SettingInvalid(
            f"release.{part}: the deployment names {deployed}, and the bundle's {part} is sha256:{found}; deploy the "
            "image that was released with this card, or render the deployment again"
        )


def _digest(part: str, text: str) -> str:
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise SettingInvalid(f"release.{part}: {text!r} is no SHA-256; write 64 lower-case hex digits")
    return found[1]


def _identity(settings: ServiceSettings, model: Model, version: str) -> Identity:
    bundle, known = model.bundle, settings.release
    images = None if known.images is None else tuple(known.images)
    _require_deployed("card", known.card, bundle.card_digest)
    _require_deployed("artifact", known.artifact, bundle.artifact_digest)
    verdict = None if known.verdict is None else _digest("verdict", known.verdict)
    release = Release(bundle.artifact_digest, bundle.card_digest, verdict, known.commit, images)
    place = settings.deployment
    deployment = {
        semconv.POD_NAME: place.pod,
        semconv.NODE_NAME: place.node,
        semconv.NAMESPACE_NAME: place.namespace,
    }
    return Identity(
        service_version=version,
        model_id=bundle.card.model_id,
        model_version=bundle.card.version,
        model_digest=bundle.artifact_digest,
        release=release,
        deployment={name: value for name, value in deployment.items() if value is not None},
    )
