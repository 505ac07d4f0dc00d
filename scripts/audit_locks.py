"""Check the lock files in requirements/, and look their packages up among known vulnerabilities where that can be done.

Usage: audit_locks.py [FOLDER], the folder of pyproject.toml and requirements/, by default the one above this file.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

LOOKUP_SECONDS = 15
"""For all locks together: no answer by then is no answer."""
CONNECTION_SECONDS = 5
HASH = re.compile(r"\s--hash=sha256:[0-9a-f]{64}(?=\s|$)")
Environment = Mapping[str, str]
PLATFORMS = {"linux": "Linux", "darwin": "Darwin"}


@dataclass(frozen=True)
class Lock:
    """A lock file: for whom it is, and what of pyproject.toml it holds: all with `extras`, or a `group` alone."""

    path: str
    extras: Sequence[str]
    pythons: Sequence[str]
    systems: Sequence[str]
    group: str = ""

    def environments(self) -> Iterator[Environment]:
        """Give what markers are evaluated with, for each Python on each system."""
        for python, system in product(self.pythons, self.systems):
            environment = {str(name): str(value) for name, value in default_environment().items()}
            version = {"python_version": python, "python_full_version": f"{python}.0"}
            yield environment | version | {"sys_platform": system, "platform_system": PLATFORMS[system], "extra": ""}


PYTHONS, SYSTEMS = ("3.11", "3.12", "3.13"), ("linux", "darwin")
LOCKS = (
    Lock("requirements/image.txt", extras=(), pythons=("3.13",), systems=("linux",)),
    Lock("requirements/sdk2.txt", extras=(), pythons=PYTHONS, systems=SYSTEMS, group="sdk2"),
    *(
        Lock(f"requirements/{name}.txt", extras, pythons=PYTHONS, systems=SYSTEMS)
        for name, extras in {
            "test": ("test",),
            "full": ("test", "spark", "notebooks"),
            "aws": ("aws", "test-aws"),
        }.items()
    ),
)


def parse(text: str) -> tuple[list[Requirement], list[str]]:
    """Return the requirements of a lock file, and what is wrong with its lines."""
    found, faults = [], []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        named = HASH.sub("", line).strip()
        try:
            requirement = Requirement(named)
        except InvalidRequirement:
            faults.append(f"'{named}' is no pinned and hashed requirement")
            continue
        pins = [pin.operator == "==" and "*" not in pin.version for pin in requirement.specifier]
        if pins != [True] or requirement.url:
            faults.append(f"'{named}' is not pinned with ==")
        if not HASH.search(line):
            faults.append(f"'{named}' has no sha256")
        found.append(requirement)
    return found, faults


def pins_in(locked: Sequence[Requirement], environment: Environment) -> dict[str, str]:
    """Return the version of each package that the lock installs in `environment`."""
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in locked
        if pin.specifier and applies(pin, environment)
    }


def applies(requirement: Requirement, environment: Environment) -> bool:
    """Return whether `requirement` is one in `environment`."""
    return requirement.marker is None or requirement.marker.evaluate(dict(environment))


def missing(wanted: Sequence[Requirement], pins: Mapping[str, str], environment: Environment) -> list[str]:
    """Return which of the `wanted` requirements the `pins` do not fulfil."""
    return [
        f"{requirement.name}{requirement.specifier}"
        for requirement in wanted
        if applies(requirement, environment)
        and not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), ""), prereleases=True)
    ]


def needs_of(name: str, version: str) -> list[Requirement]:
    """Return what the package needs, as far as the same version of it is installed here to ask."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return []
    return [Requirement(need) for need in installed.requires or []] if installed.version == version else []


def faults_of(lock: Lock, text: str, wanted: Sequence[Requirement]) -> list[str]:
    """Return what is wrong with the lock file `text`, which should hold what is `wanted` and all that this needs."""
    locked, faults = parse(text)
    for environment in lock.environments():
        pins = pins_in(locked, environment)
        needs = [(name, needs_of(name, version)) for name, version in pins.items()]
        for name, requirements in [("pyproject.toml", wanted), *needs]:
            faults += [
                f"{lacking}, which {name} needs, is not in it" for lacking in missing(requirements, pins, environment)
            ]
    return list(dict.fromkeys(faults))


def wanted_by(pyproject: Mapping[str, Any], lock: Lock) -> list[Requirement]:
    """Return what pyproject.toml says that the lock should hold."""
    if lock.group:
        return [Requirement(each) for each in pyproject["dependency-groups"][lock.group]]
    project = pyproject["project"]
    optional = (each for extra in lock.extras for each in project["optional-dependencies"][extra])
    return [Requirement(each) for each in [*project["dependencies"], *optional]]


@dataclass(frozen=True)
class Lookup:
    """What the database of vulnerabilities said: vulnerabilities found, and how many packages it knew of how many."""

    vulnerabilities: Sequence[str]
    known: int
    asked: int


def look_up(path: Path, seconds: float) -> Lookup | str:
    """Return what pip-audit finds for the lock at `path`, or in words why it finds nothing out."""
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        *options,
        f"--timeout={CONNECTION_SECONDS}",
        "--requirement",
        str(path),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)  # noqa: S603  our own arguments
    except subprocess.TimeoutExpired:
        return f"its database did not answer within {LOOKUP_SECONDS} seconds"
    return reading_of(done.stdout)


def reading_of(output: bytes) -> Lookup | str:
    """Return what pip-audit's output says. A package that its database does not know is skipped, not cleared."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return "its database cannot be reached"
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        return f"its database knows none of the {len(packages)} packages"
    found = [
        f"{package['name']} {package['version']} has {each['id']}, mended in {each['fix_versions'] or 'no version'}"
        for package in known
        for each in package["vulns"]
    ]
    return Lookup(found, len(known), len(packages))


def main(folder: Path) -> int:
    """Print what was done and what was found; return the exit status."""
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    faults = []
    for lock in LOCKS:
        text = (folder / lock.path).read_text(encoding="utf-8")
        faults += [f"{lock.path}: {fault}" for fault in faults_of(lock, text, wanted_by(pyproject, lock))]
    print(
        f"audit: {len(LOCKS)} locks checked: complete, pinned, hashed" if not faults else "audit: the locks have faults"
    )
    return report([*faults, *vulnerabilities(folder)])


def vulnerabilities(folder: Path) -> list[str]:
    """Return the known vulnerabilities of the locked packages; print how far they could be looked up."""
    if importlib.util.find_spec("pip_audit") is None:
        print("audit: vulnerabilities not looked up: pip-audit is not installed")
        return []
    end, found = time.monotonic() + LOOKUP_SECONDS, []
    for lock in LOCKS:
        answer = look_up(folder / lock.path, end - time.monotonic())
        if isinstance(answer, str):
            print(f"audit: vulnerabilities of {lock.path} not looked up: {answer}")
        else:
            print(f"audit: vulnerabilities of {lock.path} looked up for {answer.known} of {answer.asked} packages")
            found += [f"{lock.path}: {each}" for each in answer.vulnerabilities]
    return found


def report(faults: Sequence[str]) -> int:
    """Print the faults and return the exit status that they call for."""
    for fault in faults:
        print(f"audit: {fault}", file=sys.stderr)
    if faults:
        print("audit: mend pyproject.toml and run scripts/lock", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
