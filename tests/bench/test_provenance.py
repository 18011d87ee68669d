"""Commit and machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from seglens.bench.provenance import commit, machine


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a package and its source in it."""
    if shutil.which("git") is None:
        pytest.skip("no git here")
    package = tmp_path / "src" / "it"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("a = 1\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "src"], [*who, "commit", "-qm", "One"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return package


def test_the_commit_and_whether_the_source_differs(checkout: Path) -> None:
    clean = commit(checkout)
    assert clean
    assert "+" not in clean
    (checkout / "__init__.py").write_text("a = 2\n")
    assert commit(checkout) == clean + "+"


def test_a_package_inside_another_repository_has_no_commit(checkout: Path) -> None:
    other = checkout / "site-packages" / "seglens"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    assert commit(other) is None


def test_a_folder_outside_any_repository_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None


def test_the_machine_is_told() -> None:
    found = machine()
    assert found["hardware"]["cores"] >= 1
    assert {"seglens", "torch"} <= set(found)
