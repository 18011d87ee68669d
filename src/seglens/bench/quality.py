"""What mIoU does not tell: rare classes, calibration and boundaries, and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seglens.bench.cells import INTERVAL, VERDICT_NOTE, figure, last, less, miou, rows_of, verdict_cells
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.plan import TablePlan
from seglens.bench.results import Results
from seglens.bench.table import NOTHING, Cell, Table
from seglens.functional.boundary import RATIO
from seglens.functional.calibration import BINS
from seglens.functional.metrics import RARE


def rare(table: TablePlan, results: Results) -> Table:
    """IoU of the rarest classes after the last round, and their mean less the reference's by seed."""
    names = rows_of(table, results, full=True)
    classes = rarest([run for name in names for run in results.rows[name]])
    before = results.rows.get(results.plan.reference or "", ())
    lines: list[tuple[Cell, ...]] = []
    for name in names:
        runs, found = results.rows[name], last(results, name)
        each = [figure([r.iou[c] if r.iou else None for r in found], 100) for c in classes]
        change = less(runs, before, _rare_miou) if name != results.plan.reference else {}
        mean = figure([_rare_miou(run) for run in runs], 100, 2)
        lines.append((name, len(runs), miou(found), mean, *each, *verdict_cells(list(change.values()))))
    told = [results.setting.classes[c] for c in classes]
    head = ("row", "seeds", "mIoU", "mIoU of the rare", *told, f"less {results.plan.reference or NOTHING}", *INTERVAL)
    note = (
        f"IoU in points after the last round. Rare: the {RARE} classes with the fewest pixels in the evaluation's "
        f"truth, rarest first. {VERDICT_NOTE}"
    )
    return Table("rare", table.title or "Rare classes", head, tuple(lines), note)


def rarest(runs: Sequence[RunFigures]) -> list[int]:
    """The rarest classes by the first run that tells their shares of the evaluation's truth, rarest first."""
    shares = next((run.truth_share for run in runs if run.truth_share), ())
    known = [(share, c) for c, share in enumerate(shares) if share]
    return [c for _, c in sorted(known)[:RARE]]


def _rare_miou(run: RunFigures) -> float | None:
    return run.last.more.get("rare_miou")


def calibration(table: TablePlan, results: Results) -> Table:
    """Calibration error and boundary IoU after the last round."""
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        found = last(results, name)
        cells = (_more(found, "ece", 100, 2), _more(found, "overconfidence", 100, 2, signed=True))
        lines.append((name, len(found), miou(found), _more(found, "boundary_iou", 100), *cells))
    head = ("row", "seeds", "mIoU", "boundary IoU", "ECE", "confidence less accuracy")
    note = (
        "In points, after the last round, against native truth. Boundary IoU (Cheng et al., CVPR 2021): the mean over "
        f"classes of the IoU within {100 * RATIO:g} % of the image's diagonal of their contours, one count over all "
        f"images, void left out. ECE: expected calibration error over pixels, {BINS} bins of equal width."
    )
    return Table("calibration", table.title or "Calibration and boundaries", head, tuple(lines), note)


def queries(table: TablePlan, results: Results) -> Table:
    """What each round asked about: how it lies over images, at boundaries, how pure it is, and its classes."""
    lines: list[tuple[Cell, ...]] = []
    classes = results.setting.classes
    for name in rows_of(table, results, full=False):
        runs = results.rows[name]
        for number in range(max(len(run.rounds) for run in runs)):
            at = [run.rounds[number] for run in runs if number < len(run.rounds)]
            label = f"{name}, round {number}"
            lines.append((label, len(at), *_spread(at), *_shares(at, classes, lambda r: r.answered)))
            if any(r.asked for r in at):
                empty: list[Cell] = [NOTHING] * 5
                seen = _shares(at, classes, lambda r: r.asked)
                lines.append((f"{label}, as predicted", len(at), *empty, *seen))
    told = ("images", "most of an image", "Gini", "at boundaries, %", "label noise, %")
    head = ("row", "seeds", *told, *(f"{name}, %" for name in classes))
    note = (
        "The questions of each round. Images asked about, most questions about one image, and the Gini coefficient of "
        "questions over the images of the pool. Of the asked pixels: the share near a contour of the truth (0.5 % of "
        "the diagonal), and classes as the model predicted them when it asked. Of the answered pixels: the share whose "
        "truth is another class than the answer's, and classes as answered."
    )
    return Table("queries", table.title or "What was asked", head, tuple(lines), note)


def _spread(at: Sequence[RoundFigures]) -> tuple[Cell, ...]:
    found = (("round_images", 1, 0), ("image_most", 1, 1), ("image_gini", 1, 2))
    shares = (("asked_boundary", 100, 1), ("label_noise", 100, 1))
    return tuple(_more(at, name, scale, digits) for name, scale, digits in (*found, *shares))


def _shares(
    at: Sequence[RoundFigures], classes: Sequence[str], of: Callable[[RoundFigures], tuple[float | None, ...]]
) -> list[Cell]:
    told = [of(r) for r in at]
    return [figure([shares[c] if c < len(shares) else None for shares in told], 100) for c in range(len(classes))]


def _more(at: Sequence[RoundFigures], name: str, scale: float, digits: int = 1, signed: bool = False) -> Cell:
    return figure([r.more.get(name) for r in at], scale, digits, signed)
