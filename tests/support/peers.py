"""The other engines that judge tablestore: where they are, and how they get there.

    python -m tests.support.peers            # install everything into the cache, print what is
    there

Everything lands in `$TABLESTORE_CACHE/conformance` (default `~/.cache/tablestore/conformance`) and
is
left alone when it is there already. Several processes may call it at once (one lock file).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
POM = CHECKOUT / "tests/conformance/java/pom.xml"
PAIMON_JARS = {  # paimon-flink holds the whole core; there is no newer bundle than 1.4.2
    "2.0.0": "org.apache.paimon:paimon-flink-2.0:2.0.0",
    "1.4.2": "org.apache.paimon:paimon-bundle:1.4.2",
}
VENVS = {
    "jpype": ("jpype1==1.7.1",),
    "pypaimon": ("pypaimon==2.1.0",),
    "rust": ("pypaimon-rust==0.4.0", "pyarrow"),
}
S3_OF_JAVA = "1.4.2"
"""The Paimon release that reads s3:// in tests: its plug-in must be of the same release."""
JAVA_21_ENV = "TABLESTORE_PAIMON_21_JARS"


class PeerMissingError(RuntimeError):
    """A peer cannot be installed or found here; the text says why and what to do."""


@dataclass(frozen=True)
class Peers:
    """What is installed: Java class paths by Paimon version, a Python per engine, and why others
    are absent."""

    classpaths: dict[str, list[Path]] = field(default_factory=dict)
    pythons: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def need(self, lane: str) -> None:
        """Raise PeerMissingError when `lane` (a Java version or an engine's name) is absent."""
        if lane in self.missing:
            raise PeerMissingError(f"{lane}: {self.missing[lane]}")


def cache_dir() -> Path:
    root = os.environ.get("TABLESTORE_CACHE") or str(Path.home() / ".cache" / "tablestore")
    return Path(root).expanduser() / "conformance"


def strict() -> bool:
    """True in CI, where an absent peer is a failure and not a reason to skip."""
    return os.environ.get("CI", "").lower() in ("true", "1", "yes")


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / "install.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = (done.stdout + done.stderr).strip()[-800:]
        raise PeerMissingError(f"{' '.join(command[:3])} … failed: {tail}")


def _mvn(target: Path, *arguments: str) -> list[Path]:
    """Jars that one Maven call copies into `target`; a finished folder appears at once by
    rename."""
    if target.is_dir() and (jars := sorted(target.glob("*.jar"))):
        return jars
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise PeerMissingError(f"{tool} is not on the path; install Java 17 and Maven")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _run("mvn", "-q", "-B", "-Dstyle.color=never", *arguments, f"-DoutputDirectory={part}")
    part.rename(target)
    return sorted(target.glob("*.jar"))


def _common_jars(root: Path) -> list[Path]:
    return _mvn(
        root / "java-common",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
    )


def _java(root: Path, version: str) -> list[Path]:
    common = _common_jars(root)
    if version == "2.1":
        return [*_jars_of_21(), *common]
    own = _mvn(
        root / f"java-{version}",
        "dependency:copy",
        f"-Dartifact={PAIMON_JARS[version]}",
        "-Dmdep.useBaseVersion=true",
    )
    return [*own, *common]


def java_with_s3() -> list[Path]:
    """Java Paimon with its plug-in for s3://.

    Raises:
        PeerMissingError: it cannot be had here.
    """
    root = cache_dir()
    with _locked(root):
        plugin = _mvn(
            root / f"java-s3-{S3_OF_JAVA}",
            "dependency:copy",
            f"-Dartifact=org.apache.paimon:paimon-s3:{S3_OF_JAVA}",
        )
        return [*_java(root, S3_OF_JAVA), *plugin]


def _jars_of_21() -> list[Path]:
    folder = os.environ.get(JAVA_21_ENV)
    path = Path(folder) if folder else CHECKOUT.parent / "shared/oracles/java/jars"
    jars = sorted(path.glob("paimon-bundle-2.1*.jar")) if path.is_dir() else []
    if not jars:
        raise PeerMissingError(
            f"no released jar; point {JAVA_21_ENV} to a folder with paimon-bundle-2.1*.jar"
        )
    return jars


def _venv(root: Path, name: str) -> Path:
    home = root / f"venv-{name}"
    python = home / "bin" / "python"
    wanted = " ".join(VENVS[name])
    marker = home / "installed"
    if marker.is_file() and marker.read_text() == wanted and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    base = shutil.which("python3.11") or sys.executable  # the peers' pins lag behind new Pythons
    _run(base, "-m", "venv", str(home))
    _run(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *VENVS[name])
    marker.write_text(wanted)
    return python


def install() -> Peers:
    """Install what is absent; what cannot be installed is named in `missing`."""
    root = cache_dir()
    found = Peers()
    with _locked(root):
        for version in (*PAIMON_JARS, "2.1"):
            try:
                found.classpaths[version] = _java(root, version)
            except PeerMissingError as problem:
                found.missing[version] = str(problem)
        for name in VENVS:
            try:
                found.pythons[name] = _venv(root, name)
            except PeerMissingError as problem:
                found.missing[name] = str(problem)
    if "jpype" in found.missing:
        for version in list(found.classpaths):
            found.missing[version] = found.missing["jpype"]
    return found


def main() -> int:
    found = install()
    for version, jars in found.classpaths.items():
        sys.stdout.write(f"java {version}: {jars[0].name} and {len(jars) - 1} more\n")
    for name, python in found.pythons.items():
        sys.stdout.write(f"{name}: {python}\n")
    for lane, reason in found.missing.items():
        sys.stdout.write(f"absent: {lane}: {reason}\n")
    required = {lane for lane in found.missing if lane != "2.1"}
    return 1 if required and strict() else 0


if __name__ == "__main__":
    raise SystemExit(main())
