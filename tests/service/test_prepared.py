# SPDX-License-Identifier: Apache-2.0
"""What a service is made of, from its settings."""

from pathlib import Path
from typing import Any

import pytest

from contracts import semconv
from contracts.errors import SettingInvalid
from contracts.release import Release
from contracts.settings import load_settings
from service.prepared import Prepared, prepare
from service.settings import ServiceSettings
from tests.service.running import write_subject_key


def prepared(bundle: Path, environment: dict[str, str] | None = None, **overrides: Any) -> Prepared:
    flags = {"bundle": str(bundle), "evidence.url": "unix:/e", "subject_key": str(write_subject_key(bundle))}
    return prepare(load_settings(ServiceSettings, environment or {}, None, {**flags, **overrides}), "0.0.1")


def test_release_is_what_is_known(bundle: Path) -> None:
    """Artifact and card always; verdict, commit and images when the deployment says."""
    plain = prepared(bundle)
    digests = (plain.model.bundle.artifact_digest, plain.model.bundle.card_digest)
    assert plain.identity.release == Release(*digests)
    told = prepared(bundle, {"COUNTERSIGN_RELEASE__COMMIT": "abc", "COUNTERSIGN_RELEASE__IMAGES": "sha256:2, sha256:1"})
    assert told.identity.release == Release(*digests, commit="abc", images=("sha256:2", "sha256:1"))
    assert told.identity.release.digest() != plain.identity.release.digest()


@pytest.mark.parametrize("part", ["card", "artifact"])
def test_another_bundle_than_was_deployed_is_not_served(bundle: Path, part: str) -> None:
    """The pod's annotations name card and artifact; an image that brings others does not start."""
    loaded = prepared(bundle).model.bundle
    digest = {"card": loaded.card_digest, "artifact": loaded.artifact_digest}[part]
    variable = f"COUNTERSIGN_RELEASE__{part.upper()}"
    for spelling in (digest, f"sha256:{digest}"):
        assert prepared(bundle, {variable: spelling}).identity.release == prepared(bundle).identity.release
    with pytest.raises(SettingInvalid, match=f"release.{part}: the deployment names"):
        prepared(bundle, {variable: "sha256:" + digest[::-1]})
    for nonsense in ("", "sha256:", digest.upper(), digest[1:]):
        with pytest.raises(SettingInvalid, match=f"release.{part}: .* is no SHA-256"):
            prepared(bundle, {variable: nonsense})


def test_the_verdict_is_named_alike_in_records_and_annotations(bundle: Path) -> None:
    """An annotation carries the name of the algorithm, a record carries hex digits."""
    told = prepared(bundle, {"COUNTERSIGN_RELEASE__VERDICT": f"sha256:{'5b' * 32}"})
    assert told.identity.release.verdict == "5b" * 32
    with pytest.raises(SettingInvalid, match=r"release\.verdict"):
        prepared(bundle, {"COUNTERSIGN_RELEASE__VERDICT": "passed"})


def test_place_is_no_part_of_the_release(bundle: Path) -> None:
    """All pods of one release share its digest."""
    here = prepared(bundle, {"COUNTERSIGN_DEPLOYMENT__POD": "p", "COUNTERSIGN_DEPLOYMENT__NAMESPACE": "n"})
    assert here.identity.deployment == {semconv.POD_NAME: "p", semconv.NAMESPACE_NAME: "n"}
    assert here.identity.release == prepared(bundle).identity.release


def test_facts_for_the_metrics(bundle: Path) -> None:
    """Who answers, and what it may answer."""
    facts = prepared(bundle).facts()
    assert (facts.model_id, facts.model_version) == ("small-churn", "1.0.0")
    assert facts.labels == ("retain", "churn")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_addresses_need_tokens(bundle: Path, host: str) -> None:
    """Without tokens only this machine is served."""
    with pytest.raises(SettingInvalid, match="--tokens"):
        prepared(bundle, host=host)
    tokens = bundle / "tokens.toml"
    tokens.write_text("")
    assert prepared(bundle, host=host, tokens=str(tokens)).tokens is not None


@pytest.mark.parametrize("setting", ["evidence.token_file", "audit_token_file", "tokens", "subject_key"])
def test_secret_files_must_be_there(bundle: Path, setting: str) -> None:
    """At start, not at the first request."""
    with pytest.raises(SettingInvalid, match="cannot read"):
        prepared(bundle, {}, **{setting: "/nowhere"})


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_have_their_range(bundle: Path, port: int) -> None:
    """Named by the setting."""
    with pytest.raises(SettingInvalid, match="metrics_port"):
        prepared(bundle, metrics_port=port)
