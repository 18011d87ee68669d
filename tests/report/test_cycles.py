"""The SegXAL sections of a report, of a real tiny run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seglens.config import PartConfig
from seglens.data import open_data
from seglens.report import RunView, write_report
from seglens.report.cycles import Cycles, cycles, trained


@pytest.fixture(scope="module")
def view(explained: Path) -> RunView:
    return RunView.load(explained)


@pytest.fixture(scope="module")
def told(view: RunView) -> Cycles:
    found = cycles([view])
    assert found is not None
    return found


def test_every_model_is_shown_after_what_is_given(told: Cycles, view: RunView) -> None:
    assert trained(view) == [0, 1, 2]
    assert told.note == ""
    assert [step.title.split(",")[0] for step in told.steps] == [
        "What is given",
        *(f"The model of round {n}" for n in (0, 1, 2)),
    ]
    assert [len(step.pictures) for step in told.steps] == [3, 4, 4, 4]
    assert all(step.words for step in told.steps[1:])
    assert f"mIoU {view.measured[-1].miou:.3f}" in told.steps[-1].title
    assert view.config.eval_data is not None
    assert told.image in open_data(view.config.eval_data).ids


def test_attention_and_masks_stand_beside_each_other(told: Cycles) -> None:
    assert ["Plain" in p.caption for p in told.adds] == [False, True, False, False]
    assert [p.caption.split(":")[0] for p in told.masks] == [
        "The image",
        "The truth; black = no class",
        "segxal-manual",
    ]
    assert "of the pixels right" in told.masks[-1].caption


def test_the_masks_of_all_runs_are_shown(view: RunView) -> None:
    other = replace(view, config=view.config.model_copy(update={"preset": "segxal-pseudolabels"}))
    found = cycles([view, other])
    assert found is not None
    assert [p.caption.split(":")[0] for p in found.masks[2:]] == ["segxal-manual", "segxal-pseudolabels"]


def test_other_runs_have_no_such_section(view: RunView, run: Path) -> None:
    assert cycles([RunView.load(run)]) is None
    other = view.config.model_copy(update={"score": PartConfig(name="entropy")})
    assert cycles([replace(view, config=other)]) is None
    assert cycles([replace(view, rounds=view.rounds[:0])]) is None


def test_what_cannot_be_explained_is_said(view: RunView) -> None:
    broken = view.config.model_copy(update={"score": PartConfig(name="explainable-error", layer="stride-3")})
    found = cycles([replace(view, config=broken)])
    assert found is not None
    assert "stride-3" in found.note
    assert found.steps == found.adds == ()


def test_without_evaluation_images_the_pool_is_shown(view: RunView) -> None:
    found = cycles([replace(view, config=view.config.model_copy(update={"eval_data": None}))])
    assert found is not None
    assert found.image in open_data(view.config.data).ids
    assert len(found.steps[0].pictures) == 2  # no truth
    assert found.masks == ()


def test_the_page_holds_it_all(explained: Path, tmp_path: Path) -> None:
    page = write_report(explained, tmp_path / "report.html").read_text(encoding="utf-8")
    for id in ("asked", "explained", "learnt"):
        assert f'href="#{id}"' in page
        assert f'id="{id}"' in page
    assert "a prior, not a measurement" in page
    assert len(page) < 2_500_000
