from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seglens.store.lock import driver_lock
from seglens.types import SeglensError

HOLD = """
import sys, time
from pathlib import Path
from seglens.store.lock import driver_lock
with driver_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_one_driver_a_run_and_the_lock_dies_with_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(SeglensError, match=rf"pid {child.pid}\) drives this run"), driver_lock(tmp_path):
            pass
        child.kill()
    with driver_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
