"""``python -m seglens``."""

from seglens.cli import main

main()
