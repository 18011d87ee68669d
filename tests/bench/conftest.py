"""The small benchmark is a module, so that a forked child can import it too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
