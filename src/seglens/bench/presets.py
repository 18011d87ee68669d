"""What the results file says of every preset that was run, for whoever reads it by program."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seglens.bench.axes import CLICKS, curves
from seglens.bench.compare import first_crossing, spread
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, slug
from seglens.bench.significance import TEST
from seglens.bench.standing import Standing, on_logs, standings


def presets(
    rows: Mapping[str, Sequence[RunFigures]],
    reference: str | None,
    full: float | None,
    retrained: Collection[str] = (),
) -> dict[str, Any]:
    """Every row by its name under ``presets``, and the least that any of them needs.

    ``clicks``, ``pixels`` and ``miou`` hold a list of rounds for each seed. Costs to 90 and 95 % of full supervision
    are those of the mean curve, and by seed; pixels are the fewest of the rows whose answers are drawn. None = not
    reached, not measured, no other row to compare with.

    Args:
        rows: runs of each row.
        reference: row of the gains; None = none.
        full: mIoU of full supervision; None = not known.
        retrained: rows that trained on the labels of another: they have no gains, which would be the training's.
    """
    rows = {name: runs for name, runs in rows.items() if name != FULL}
    asking, others = ({n: r for n, r in rows.items() if (n in retrained) is told} for told in (False, True))
    both = standings(asking, reference, full) | standings(others, None, full)
    found = {name: both[name] for name in rows}
    drawn = [one for one in found.values() if all(run.dense for run in one.runs)]
    logs = on_logs(rows.get(reference or "") or next(iter(rows.values()), ()))
    return {
        "clicks_to_90": _fewest(found.values(), "clicks_to_90"),
        "clicks_to_95": _fewest(found.values(), "clicks_to_95"),
        "pixels_to_95": _fewest(drawn, "pixels_to_95"),
        "pixel_share_to_95": _fewest(drawn, "pixel_share_to_95"),
        "aubc_scale": "logarithm of clicks" if logs else "clicks",
        "test": f"{TEST}, Holm-Bonferroni over {sum(one.p is not None for one in found.values())} comparisons",
        "presets": {name: _preset(name, one, reference, full) for name, one in found.items()},
    }


def _fewest(standings: Iterable[Standing], key: str) -> float | None:
    return min((value for one in standings if (value := one.reached[key]) is not None), default=None)


def _preset(name: str, one: Standing, reference: str | None, full: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "seeds": [run.seed for run in one.runs],
        "answer": one.runs[0].answer,
        "clicks": [[r.clicks for r in run.rounds] for run in one.runs],
        "pixels": [[r.pixels for r in run.rounds] for run in one.runs],
        "miou": [[r.miou for r in run.rounds] for run in one.runs],
        "aubc": _mean(one.aubc),
        "aubc_by_seed": list(one.aubc),
        **one.reached,
        "clicks_to_95_by_seed": _by_seed(one.runs, full),
    }
    if reference is not None:  # of the reference itself: 0 and no test
        gain = spread(one.gains)
        key = f"aubc_gain_over_{slug(reference).lower().replace('-', '_')}"
        none = 0.0 if name == reference else None
        found |= {key: gain.mean if gain else none, f"{key}_spread": asdict(gain) if gain else None}
        found |= {f"{key}_p": one.p, f"{key}_holm_p": one.holm, "clicks_saved": one.saving}
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    found = spread(values)
    return found.mean if found else None


def _by_seed(runs: Sequence[RunFigures], full: float | None) -> list[float | None]:
    if full is None:
        return [None] * len(runs)
    return [first_crossing(one, 0.95 * full) for one in curves(runs, CLICKS).values()]
