# SPDX-License-Identifier: Apache-2.0
"""What is in the images, and what is not."""

import hashlib
import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.images.conftest import BUNDLE
from tests.images.engine import BASE, Engine
from tests.tree import ROOT

MEBIBYTE = 1 << 20
# Of the service onnxruntime is 78, numpy with its libraries 56; of the sidecar zstandard 24, grpc 19, cryptography 16.
BUDGETS = {"service": 215, "sidecar": 165}


@pytest.fixture(params=["service", "sidecar"])
def target(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def image(target: str, request: pytest.FixtureRequest) -> str:
    tag: str = request.getfixturevalue(f"{target}_image")
    return tag


def packages(files: Path) -> set[str]:
    return {found.name.split("-")[0].lower() for found in files.glob("app/lib/python*/site-packages/*.dist-info")}


def test_it_starts_as_nobody_with_a_program_and_no_shell(engine: Engine, image: str) -> None:
    """User 65532, the command line as entry point, a health check that needs nothing but Python, and whence it came."""
    config = engine.inspect(image)["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["countersign"]
    assert config["Labels"]["org.opencontainers.image.revision"] == "0123456789abcdef0123456789abcdef01234567"
    assert engine.inspect(image)["Healthcheck"]["Test"][:2] == ["CMD", "countersign"]


def test_it_holds_only_what_the_program_needs(engine: Engine, image: str, target: str) -> None:
    """Neither training nor tests, nor pip; the libraries of training are in no image, those of the model in one."""
    found = packages(engine.files(image))
    assert found.isdisjoint({"scikit_learn", "scipy", "pandas", "skl2onnx", "onnx", "pip", "setuptools", "pytest"})
    assert ("onnxruntime" in found) is (target == "service")
    assert ("psycopg" in found) is ("apsw" in found) is (target == "sidecar")


def test_nothing_of_it_can_be_changed_by_the_user(engine: Engine, image: str) -> None:
    """Files belong to root and are writable by nobody else."""
    files = engine.files(image)
    loose = [
        path
        for folder in ("app", "bundle")
        for path in (files / folder).rglob("*")
        if not path.is_symlink() and (path.stat().st_uid != 0 or path.stat().st_mode & 0o022)
    ]
    assert not loose


def test_our_layers_stay_within_their_budget(engine: Engine, image: str, target: str) -> None:
    """The base's own size is another's affair."""
    ours = (engine.inspect(image)["Size"] - engine.inspect(BASE)["Size"]) / MEBIBYTE
    assert 50 < ours < BUDGETS[target]


def test_the_last_layer_is_the_bundle(engine: Engine, service_image: str) -> None:
    """Byte by byte the released one, so that one digest names code and model."""
    released = ROOT / BUNDLE
    inside = engine.files(service_image) / "bundle"
    expected = {path.relative_to(released): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in released.rglob("*") if path.is_file()}  # fmt: skip
    found = {path.relative_to(inside): hashlib.sha256(path.read_bytes()).hexdigest()
             for path in inside.rglob("*") if path.is_file()}  # fmt: skip
    assert found == expected
    history = json.loads(engine.podman("history", "--format", "json", "--no-trunc", service_image).stdout)
    assert "/bundle" in history[0]["CreatedBy"]


def test_it_says_what_it_is_made_of(engine: Engine, image: str) -> None:
    """A bill of materials in CycloneDX, valid, and complete: each package that is there, and none that is not."""
    files = engine.files(image)
    text = (files / "app" / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    named = {each["name"].lower().replace("-", "_").replace(".", "_") for each in json.loads(text)["components"]}
    assert named == {name.replace(".", "_") for name in packages(files)}


def tree(files: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, owner and content of everything that we put there; of a link its target."""
    found = {}
    for path in sorted((files / "app").rglob("*")):
        content = str(path.readlink()) if path.is_symlink() else "" if path.is_dir() else digest_of(path)
        found[str(path.relative_to(files))] = (path.lstat().st_mode, path.lstat().st_uid, content)
    return found


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_builds_are_the_same(engine: Engine, sidecar_image: str) -> None:
    """From nothing, without a layer of the first: the same files, byte by byte."""
    first = tree(engine.files(engine.inspect(sidecar_image)["Id"]))
    again = engine.build("sidecar", "REVISION=0123456789abcdef0123456789abcdef01234567", anew=True)
    assert tree(engine.files(again)) == first
    assert len(first) > 1000
