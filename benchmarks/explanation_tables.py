"""What `explanations.py` says of its figures: a summary, and tables of means and deviations over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from seglens.bench.compare import spread
from seglens.bench.table import Cell, Figure, Table, to_markdown

RANK_CORRELATION = 0.3
"""A map of a randomised network must stay below this rank correlation with the trained one's, with every seed."""
AUPRC_OVER_PREVALENCE = 1.1
"""Nor may it find errors better than this, over chance, with any seed."""
GAINS = ("EEM learned", "EEM faded learned")

Seeds = Sequence[Mapping[str, Any]]


def summary(seeds: Seeds) -> dict[str, Any]:
    """Means over seeds, the gain in near pixels, and the sanity check, which passes where every seed does."""
    maps = list(seeds[0]["maps"])
    near = [{key: one["maps"][key]["near"]["auprc"] for key in maps} for one in seeds]
    gains = {name: [n[name] - max(n["entropy"], n["entropy x proximity"]) for n in near] for name in GAINS}
    sane = {
        name: {
            f"{key}{what}": round(of([one["sanity"][name][key] for one in seeds]), 3)
            for key in ("rank_correlation", "auprc_over_prevalence")
            for what, of in (("", statistics.mean), ("_worst", max))
        }
        for name in seeds[0]["sanity"]
    }
    passed = {
        name: found["rank_correlation_worst"] < RANK_CORRELATION
        and found["auprc_over_prevalence_worst"] <= AUPRC_OVER_PREVALENCE
        for name, found in sane.items()
    }
    return {
        "near_error_auprc_gain": round(statistics.mean(gains["EEM learned"]), 4),
        "near_error_auprc_gain_faded": round(statistics.mean(gains["EEM faded learned"]), 4),
        "near_error_auprc_gain_by_seed": {name: [round(gain, 4) for gain in found] for name, found in gains.items()},
        "sanity_check_passed": passed["EEM"],
        "sanity_check_passed_faded": passed["EEM faded"],
        "sanity": sane,
        "weights": {name: [one["learnt"][name]["weights"] for one in seeds] for name in ("PAE", "PAE faded")},
        "near_auprc": {key: round(statistics.mean(n[key] for n in near), 4) for key in maps},
        "auprc": {key: round(statistics.mean(one["maps"][key]["all"]["auprc"] for one in seeds), 4) for key in maps},
    }


def tables(found: Mapping[str, Seeds], short: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as Markdown: mean and sample deviation over seeds."""
    made = [table for name, seeds in found.items() for table in of_set(name, seeds, short[name])]
    return "\n".join(to_markdown(table) for table in made)


def of_set(name: str, seeds: Seeds, short: Mapping[str, Any]) -> tuple[Table, Table, Table]:
    """The three tables of a dataset."""
    return _rankings(name, seeds, short), _sanity(name, seeds, short), _orders(name, seeds)


def _rankings(name: str, seeds: Seeds, short: Mapping[str, Any]) -> Table:
    kinds = ("auroc", "auprc", "errors_in_top_5_percent")
    lines: list[tuple[Cell, ...]] = []
    for key in seeds[0]["maps"]:
        cells = [_figure([one["maps"][key][part][kind] for one in seeds]) for part in ("all", "near") for kind in kinds]
        cells += [_figure([one["maps"][key][way] for one in seeds]) for way in ("deletion", "insertion")]
        lines.append((key, *cells))
    head = ("map", "AUROC", "AUPRC", "errors in top 5 %", "near AUROC", "near AUPRC", "near errors in top 5 %")
    rates = [statistics.mean(one["maps"]["EEM"][part]["prevalence"] for one in seeds) for part in ("all", "near")]
    note = (
        f"Wrong pixels: {rates[0]:.3f} of all, {rates[1]:.3f} of near ones. near_error_auprc_gain "
        f"{short['near_error_auprc_gain']:+.4f}, faded {short['near_error_auprc_gain_faded']:+.4f}."
    )
    title = f"{name}, {len(seeds)} seeds: does the map find the errors?"
    return Table("maps", title, (*head, "deletion", "insertion"), tuple(lines), note)


def _sanity(name: str, seeds: Seeds, short: Mapping[str, Any]) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for key, worst in short["sanity"].items():
        cells: list[Cell] = []
        for what in ("rank_correlation", "auprc_over_prevalence"):
            cells += [_figure([one["sanity"][key][what] for one in seeds], 2), f"{worst[what + '_worst']:.2f}"]
        lines.append((key, *cells))
    note = (
        f"Passed where, with every seed, the rank correlation stays below {RANK_CORRELATION:g} and AUPRC at or below "
        f"{AUPRC_OVER_PREVALENCE:g} times prevalence. EEM: {_verdict(short['sanity_check_passed'])}; faded: "
        f"{_verdict(short['sanity_check_passed_faded'])}."
    )
    head = ("map", "rank correlation", "worst seed", "AUPRC over prevalence", "worst seed's")
    return Table("sanity", f"{name}: maps of a network with random weights", head, tuple(lines), note)


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"


def _orders(name: str, seeds: Seeds) -> Table:
    orders = seeds[0]["orders"]
    shares = list(next(iter(orders.values())))
    lines: list[tuple[Cell, ...]] = []
    for key in orders:
        cells = [
            _figure([one["orders"][key][share][figure] for one in seeds])
            for figure in ("miou", "near_miou")
            for share in shares
        ]
        lines.append((key, *cells))
    head = tuple(f"{what} at {float(share):.0%}" for what in ("mIoU", "near mIoU") for share in shares)
    note = "mIoU of the corrected masks once a share of an image's superpixels is answered, in the order of a map."
    return Table("orders", f"{name}: order of work", ("order", *head), tuple(lines), note)


def _figure(values: Sequence[float], digits: int = 3) -> Figure:
    return Figure(spread(list(values)), digits)
