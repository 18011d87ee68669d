"""What runs asked: questions by round, image and the class that the model saw there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from seglens.loop import load_config
from seglens.store import Repository

MOST_BYTES = 200_000
"""What all questions of a benchmark may take in its JSON; beyond, they go into a CSV file."""
NO_MODEL = ""
"""The class where there was no model yet."""

Counts = Mapping[str, Mapping[str, int]]
"""Questions of a round: image to class to number."""
Asked = Mapping[str, Mapping[int, tuple[Counts, ...]]]
"""Row to seed to rounds."""


def read_asked(folder: Path) -> tuple[Counts, ...]:
    """What the run in ``folder`` asked, by round."""
    rounds: list[dict[str, dict[str, int]]] = [{} for _ in range(load_config(folder).rounds)]
    repo = Repository.of_run(folder)
    try:
        for round, image, reason in repo.asked():
            seen = reason["names"][0] if "names" in reason else NO_MODEL
            of_image = rounds[round].setdefault(image, {})
            of_image[seen] = of_image.get(seen, 0) + 1
    finally:
        repo.close()
    return tuple(rounds)


def is_small(asked: Asked) -> bool:
    """Whether it may stand in a benchmark's JSON."""
    return len(json.dumps(asked, indent=1)) < MOST_BYTES


def to_csv(asked: Asked) -> str:
    """A line for each row, seed, round, image and class."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["row", "seed", "round", "image", "class seen", "questions"])
    writer.writerows(_lines(asked))
    return buffer.getvalue()


def _lines(asked: Asked) -> Iterator[tuple[str, int, int, str, str, int]]:
    for row, by_seed in asked.items():
        for seed, rounds in by_seed.items():
            for number, images in enumerate(rounds):
                for image, classes in images.items():
                    for name, count in classes.items():
                        yield row, seed, number, image, name, count
