"""The view reads what the store holds and changes none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.report import RunView, write_report
from seglens.store import Metric, Repository
from seglens.types import Provenance, SeglensError

Maker = Callable[..., Path]


def test_costs_are_cumulative_and_equal_the_store(run: Path) -> None:
    view = RunView.load(run)
    repo = Repository.of_run(run)
    for one in view.rounds:
        spent = repo.spent(one.number)
        assert (one.clicks, one.pixels, one.seconds) == (spent.clicks, spent.pixels, spent.seconds)
    repo.close()
    assert [r.clicks for r in view.rounds] == [8, 16, 24]
    assert view.pool_pixels == 4 * 48 * 96
    assert view.rounds[-1].share == view.rounds[-1].pixels / view.pool_pixels


def test_a_stored_share_is_taken_as_it_is(make_run: Maker) -> None:
    """The loop knows which images belong to the pool; the report does not guess again."""
    run = make_run()
    repo = Repository.of_run(run)
    repo.set_metrics([Metric(2, "pixel_share", "", -1, 0.125)])
    repo.close()
    assert RunView.load(run).rounds[2].share == 0.125


def test_headline_figures_are_on_native_truth(run: Path) -> None:
    assert all(r.miou is not None and r.miou != 0.987 for r in RunView.load(run).rounds)


def test_labels_are_counted_from_the_files(run: Path) -> None:
    view = RunView.load(run)
    labels = [np.array(Image.open(path)) for path in (run / "labels").glob("*.png")]
    assert view.labels.images == len(labels)
    assert view.labels.by_class.tolist() == [sum(int((a == c).sum()) for a in labels) for c in range(4)]
    assert view.labels.by_provenance == {Provenance.SIMULATED: int(view.labels.by_class.sum())}


def test_maps_are_those_of_the_time_of_asking(run: Path) -> None:
    view = RunView.load(run)
    first, later = view.of_round(0)[0].query, view.of_round(2)[0].query
    assert view.maps(first) is None
    maps = view.maps(later)
    assert maps is not None
    assert maps[0].shape == maps[1].shape == (24, 48)
    assert maps[0].dtype == np.uint8


def test_durations_are_those_of_the_events(run: Path) -> None:
    durations = RunView.load(run).rounds[1].durations
    assert durations["train"] == 1.5
    assert sum(durations.values()) == pytest.approx(1.5 + 7 * 0.2)


def test_reporting_changes_nothing_in_the_run(make_run: Maker) -> None:
    run = make_run()

    def content() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in run.rglob("*.png")} | {"db": dump(run).encode()}

    def dump(folder: Path) -> str:
        repo = Repository.of_run(folder)
        text = repo.dump()
        repo.close()
        return text

    before = content()
    write_report(run)
    assert content() == before


def test_a_broken_config_is_one_clear_error(make_run: Maker) -> None:
    run = make_run()
    (run / "config.yaml").write_text("rounds: many\n")
    with pytest.raises(SeglensError, match=r"config\.yaml: key 'rounds', found 'many'"):
        RunView.load(run)


def test_facts_are_what_the_run_noted_last(make_run: Maker) -> None:
    folder = make_run(rounds=1)
    repo = Repository.of_run(folder)
    repo.set_meta("why", "all 1 rounds are done")
    repo.log("started", seglens="0.0.9", threads=4)
    repo.log("started", seglens="0.1.0", threads=2)
    repo.close()
    assert RunView.load(folder).facts == {"why it stopped": "all 1 rounds are done", "seglens": "0.1.0", "threads": "2"}
    assert "0.1.0" in write_report(folder).read_text(encoding="utf-8")
