"""Make the README's picture from a report: ``python tools/report_picture.py REPORT [--questions 1 2 6]``.

It needs a Chromium on the path; nothing else of the project does.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1080, 2600
HIDE = """
#classes, #labels, #setup, #again, #words, footer, nav, .skip, header p, section > p, #quality details,
#questions details:not(:last-of-type), .item { display: none }
h2 { margin-top: 1.2rem }
"""


def main() -> None:
    """Read the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--questions", type=int, nargs="+", default=[1, 2, 3], help="which of the last round's, from 1")
    arguments = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium found")
    shown = ", ".join(f"#questions .item:nth-of-type({n})" for n in arguments.questions)
    style = f"<style>{HIDE} {shown} {{ display: block }}</style></head>"
    html = arguments.report.read_text(encoding="utf-8").replace("</head>", style).replace('loading="lazy"', "")
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder) / "page.html", Path(folder) / "shot.png"
        page.write_text(html, encoding="utf-8")
        size = (f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}", "--hide-scrollbars")
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
        subprocess.run([browser, *flags, *size, page.as_uri()], check=True, capture_output=True)
        picture = Image.open(shot).convert("RGB")
    pixels = np.asarray(picture)
    rows = np.flatnonzero((pixels != pixels[:, :1]).any(axis=(1, 2)))  # rows of one colour are empty
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    picture.crop((0, 0, WIDTH, int(rows[-1]) + 20)).quantize(255, method=Image.Quantize.MAXCOVERAGE).save(
        PICTURE, optimize=True
    )
    print(f"{PICTURE.relative_to(PICTURE.parents[2])}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
