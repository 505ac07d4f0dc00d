"""The audit finds what a lock lacks, and takes a package that the database does not know for what it is."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[3]
HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_locks", REPOSITORY / "scripts" / "audit_locks.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("audit_locks", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


def a_lock(*lines: str) -> str:
    """Return a lock file with `lines`, each pinned and hashed unless it says so itself."""
    return "# made\n" + "".join(
        f"{line} \\\n    {HASH}\n" if "=" in line and "--" not in line else line for line in lines
    )


def faults(audit: ModuleType, text: str, *wanted: str) -> list[str]:
    lock = audit.Lock("lock.txt", extras=(), pythons=("3.11", "3.13"), systems=("linux", "darwin"))
    return list(audit.faults_of(lock, text, [Requirement(each) for each in wanted]))


def test_the_locks_of_this_repository_have_no_faults(
    audit: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOOKUP_SECONDS", 0)  # the database is for scripts/audit to ask

    assert audit.main(REPOSITORY) == 0
    assert "5 locks checked: complete, pinned, hashed" in capsys.readouterr().out


def test_a_complete_lock_has_no_faults(audit: ModuleType) -> None:
    text = a_lock(
        "numpy==1.2 ; python_version < '3.12'", "numpy==1.4 ; python_version >= '3.12'", "Typing_Extensions==9"
    )

    assert faults(audit, text, "numpy>=1.2", "typing-extensions", "colorama ; sys_platform == 'win32'") == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("numpy>=1.2", "'numpy>=1.2' is not pinned with =="),
        ("numpy==1.*", "'numpy==1.*' is not pinned with =="),
        ("numpy===1.2", "'numpy===1.2' is not pinned with =="),
        ("numpy==1.2,!=1.3", "'numpy==1.2,!=1.3' is not pinned with =="),
        (f"numpy {HASH}\n", "'numpy' is not pinned with =="),
        ("numpy==1.2 --hash=md5:0\n", "'numpy==1.2 --hash=md5:0' is no pinned and hashed requirement"),
        ("numpy==1.2 --no-binary=x\n", "'numpy==1.2 --no-binary=x' is no pinned and hashed requirement"),
        (
            "--extra-index-url https://example.org\n",
            "'--extra-index-url https://example.org' is no pinned and hashed requirement",
        ),
        ("-e .\n", "'-e .' is no pinned and hashed requirement"),
        (
            f"numpy @ https://example.org/numpy.whl {HASH}\n",
            "'numpy @ https://example.org/numpy.whl' is not pinned with ==",
        ),
        ("# numpy\nnumpy==1.2 # --hash\n", "'numpy==1.2 # --hash' is no pinned and hashed requirement"),
    ],
)
def test_a_line_that_pins_nothing_is_found(line: str, fault: str, audit: ModuleType) -> None:
    assert fault in faults(audit, a_lock(line))


def test_a_package_without_a_hash_is_found(audit: ModuleType) -> None:
    assert faults(audit, "numpy==1.2\n") == ["'numpy==1.2' has no sha256"]


@pytest.mark.parametrize("lines", [[], ["numpy==1.1"], ["numpy==1.2 ; sys_platform == 'darwin'"]])
def test_a_dependency_that_is_not_locked_everywhere_is_found(lines: list[str], audit: ModuleType) -> None:
    assert faults(audit, a_lock(*lines), "numpy>=1.2") == ["numpy>=1.2, which pyproject.toml needs, is not in it"]


def test_what_a_dependency_needs_is_found_missing(audit: ModuleType) -> None:
    """Flask is installed here, so what it needs is known."""
    import importlib.metadata

    text = a_lock(f"flask=={importlib.metadata.version('flask')}")

    assert "jinja2>=3.1.2, which flask needs, is not in it" in [fault.lower() for fault in faults(audit, text, "flask")]


def a_package(name: str = "numpy", **said: object) -> dict[str, object]:
    return {"name": name, **said}


CLEAN = a_package(version="1.2", vulns=[])
BAD = a_package(version="1.2", vulns=[{"id": "CVE-1", "fix_versions": ["1.3"]}])
SKIPPED = a_package(skip_reason="Dependency not found on PyPI")


def output(*packages: dict[str, object]) -> bytes:
    return json.dumps({"dependencies": packages, "fixes": []}).encode()


def test_a_vulnerability_is_reported(audit: ModuleType) -> None:
    answer = audit.reading_of(output(CLEAN, BAD, SKIPPED))

    assert answer == audit.Lookup(["numpy 1.2 has CVE-1, mended in ['1.3']"], known=2, asked=3)


def test_packages_that_the_database_does_not_know_are_not_cleared(audit: ModuleType) -> None:
    """pip-audit says "No known vulnerabilities found" of them."""
    assert audit.reading_of(output(SKIPPED, SKIPPED)) == "its database knows none of the 2 packages"


@pytest.mark.parametrize("said", [b"", b"Traceback", b"[]", b"{}"])
def test_an_audit_that_failed_is_no_answer(said: bytes, audit: ModuleType) -> None:
    assert audit.reading_of(said) == "its database cannot be reached"


def test_a_database_that_never_answers_is_not_waited_for(audit: ModuleType) -> None:
    assert "did not answer" in audit.look_up(Path("lock.txt"), 0.0)


def test_faults_end_the_audit_with_status_1(audit: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.report(["numpy is old"]) == 1
    assert "audit: numpy is old" in capsys.readouterr().err
