"""What may be committed: no path of one machine, nothing large."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 1_000_000
# Put together from pieces, so that this file does not hold what it looks for.
HOMES = "|".join(["work", "root", "home", "Users"])
MACHINE_PATH = re.compile(rf"(^|[^A-Za-z0-9._:/$}}-])/({HOMES})/[A-Za-z0-9._-]")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: nothing is tracked")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_is_large(tracked: list[Path]) -> None:
    large = {str(p.relative_to(ROOT)): p.stat().st_size for p in tracked if p.stat().st_size > LARGEST}
    assert not large


def test_no_tracked_file_holds_a_path_of_one_machine(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # pictures
        found += [
            f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(lines, 1) if MACHINE_PATH.search(line)
        ]
    assert not found


def test_the_pattern_finds_and_spares() -> None:
    for home in HOMES.split("|"):
        assert MACHINE_PATH.search(f"see /{home}/someone/data")
    assert not MACHINE_PATH.search("https://example.org/home/page")
    assert not MACHINE_PATH.search("a/work/in-progress")
