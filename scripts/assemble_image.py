# SPDX-License-Identifier: Apache-2.0
"""Inside an image's build: a folder with everything a program needs to run, the same bytes on every build.

``assemble_image.py /app sidecar aws`` makes an environment at /app from requirements/sidecar.txt and aws.txt beside it,
by hash, and installs the wheel of /wheels into it. Of botocore only the services that are called stay, for its
descriptions of all others are larger than the rest together.
"""

import compileall
import json
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from py_compile import PycInvalidationMode

BUILDER = "/build/bin/python"
WHEELS = Path("/wheels")
AWS_SERVICES = ("dynamodb", "kms", "s3", "sts")


def main(arguments: "list[str]") -> int:
    """Fill the folder named first; the rest are locks in requirements/."""
    place, locks = Path(arguments[0]), arguments[1:]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    install = [BUILDER, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet", "--no-compile"]
    named = [part for lock in locks for part in ("-r", f"requirements/{lock}.txt")]
    subprocess.run([*install, "--require-hashes", "--only-binary", ":all:", *named], check=True)
    (wheel,) = WHEELS.glob("*.whl")
    subprocess.run([*install, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    strip(packages)
    (place / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(packages), indent=1, sort_keys=True) + "\n")
    # By content and unchecked: a time in a compiled file would differ on each build, and nothing here changes any more.
    if not compileall.compile_dir(packages, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH):
        return 1
    for script in place.glob("bin/[Aa]ctivate*"):
        script.unlink()
    return 0


def strip(packages: Path) -> None:
    """Remove what no program here reads: other services of AWS, other languages of made-up names, tests."""
    data = packages / "botocore" / "data"
    for folder in data.iterdir() if data.is_dir() else ():
        if folder.is_dir() and folder.name not in AWS_SERVICES:
            shutil.rmtree(folder)
    # Litestar brings it for invented examples, which nothing here asks for.
    for folder in packages.glob("faker/providers/*/??_*"):
        if folder.is_dir() and folder.name != "en_US":
            shutil.rmtree(folder)
    for tests in [*packages.glob("*/tests"), *packages.glob("numpy/**/tests")]:
        if tests.is_dir():
            shutil.rmtree(tests)


def bill_of_materials(packages: Path) -> "dict[str, object]":
    """What is installed, as CycloneDX 1.6 (ecma-international.org, ECMA-424): names, versions and licences as said."""
    components = []
    for found in sorted(distributions(path=[str(packages)]), key=lambda each: each.metadata["Name"].lower()):
        name, version = found.metadata["Name"], found.version
        licence = found.metadata.json.get("license_expression")
        component = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
            "name": name,
            "version": version,
        }
        components.append({**component, "licenses": [{"expression": licence}]} if licence else component)
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
