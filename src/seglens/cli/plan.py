"""``plan``: what a run would cost with another number of images and of devices, and what breaks first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from seglens.cli import console
from seglens.cli.doctor import IN_CACHE, diagnose, plain, span
from seglens.cli.run import Json, make_config
from seglens.loop import Outlay, Workbench, foresee
from seglens.loop.check import check
from seglens.loop.machine import with_absolute_paths
from seglens.types import Stage

SHARED = (Stage.SCORE.value, Stage.TRAIN.value)
"""Stages that several devices do together (engine: ray, devices), and what is prepared; the rest stays in the driving
process."""
EFFICIENCY = 0.85
"""What each of several devices does of what one does alone: the goal of benchmarks/cluster.py for two workers."""
DAY = 86_400


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(plan)


def plan(
    images: Annotated[int, typer.Option(min=1, help="Images of the pool.", show_default=False)],
    devices: Annotated[int, typer.Option(min=1, help="Devices as fast as this machine.")] = 1,
    price: Annotated[float, typer.Option(min=0, help="Price of a device for an hour, in any currency.")] = 0.0,
    config: Annotated[Path | None, typer.Option(help="YAML file of a run on some images like those.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key of it, for example train.steps=900.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a run on a larger pool costs in time, space and money, and what breaks first, from two small runs."""
    asked = with_absolute_paths(make_config(config, set_ or []))
    check(Workbench(asked, Path()))
    with console.progress() as report:
        cost = foresee(asked, Path(), report, images)
    found = planned(cost, devices, price, diagnose(asked)["free_gib"], _memory())
    if json:
        console.print_json(found)
    else:
        _show(found)


def planned(cost: Outlay, devices: int, price: float, free: dict[str, float], memory: int) -> dict[str, Any]:
    """A plan as plain values.

    Args:
        cost: of the run on one device.
        devices: that share what is prepared, scoring and training.
        price: of a device for an hour.
        free: GiB ``here`` (the run's folder) and in the ``cache``.
        memory: bytes of this machine.
    """
    times = devices * EFFICIENCY if devices > 1 else 1.0
    rounds = [{n: s / times if n in SHARED else s for n, s in stages.items()} for stages in cost.rounds]
    each = [sum(stages.values()) for stages in rounds]
    once = sum(cost.prepare.values()) / times
    disk = {
        place: sum(size for name, size in cost.disk.items() if (name in IN_CACHE) == (place == "cache"))
        for place in ("cache", "here")
    }
    pool = cost.images["pool"]
    most = {  # images at which each is at its end, as if it grew with them
        "disk of the cache": pool * free["cache"] * 2**30 / max(disk["cache"], 1),
        "disk of the run": pool * free["here"] * 2**30 / max(disk["here"], 1),
        "a day for a round": pool * DAY / max(each[-1], 1e-9),
        "a day for what is prepared": pool * DAY / max(once, 1e-9),
    }
    if cost.holds_all:
        most["memory for a round's rows"] = pool * (memory - cost.memory["rest"]) / max(cost.memory["rows"], 1)
    breaks = [{"what": what, "at_images": int(at), "breaks": at < pool} for what, at in most.items()]
    money = [seconds / 3600 * devices * price for seconds in (once, *each)]
    return {
        **plain(cost),
        "devices": devices,
        "seconds": round(once + sum(each), 1),
        "prepare_seconds": round(once, 1),
        "round_seconds": [round(seconds, 1) for seconds in each],
        "rounds": [{name: round(seconds, 2) for name, seconds in stages.items()} for stages in rounds],
        "memory_bytes": dict(cost.memory),
        "price": price,
        "money": {
            "prepare": round(money[0], 2),
            "rounds": [round(paid, 2) for paid in money[1:]],
            "total": round(sum(money), 2),
        },
        "breaks": sorted(breaks, key=lambda row: row["at_images"]),
    }


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _show(found: dict[str, Any]) -> None:
    devices, money, rounds = found["devices"], found["money"], found["rounds"]
    shared = f"{devices} devices" if devices > 1 else "one device"
    table = Table(title=f"{found['images']['pool']:,} images on {shared}, as {found['measured_on']} of them say")
    shown = sorted({0, min(1, len(rounds) - 1), len(rounds) - 1})
    table.add_column("")
    for name in ("once", *(f"round {number}" for number in shown), f"all {len(rounds)} rounds"):
        table.add_column(name, justify="right")
    for stage in (stage.value for stage in Stage):
        cells = [span(rounds[number][stage]) for number in shown]
        table.add_row(stage, "", *cells, span(sum(stages[stage] for stages in rounds)))
    sums = [span(found["round_seconds"][number]) for number in shown]
    table.add_row("in all", span(found["prepare_seconds"]), *sums, span(found["seconds"]), style="bold")
    if found["price"]:
        paid = [f"{money['rounds'][number]:.2f}" for number in shown]
        table.add_row("money", f"{money['prepare']:.2f}", *paid, f"{money['total']:.2f}")
    console.out.print(table)
    console.out.print("disk: " + ", ".join(f"{name} {size / 2**30:.2f} GiB" for name, size in found["bytes"].items()))
    memory = found["memory_bytes"]
    console.out.print(
        f"memory of the driving process: {memory['rest'] / 2**30:.1f} GiB, and {memory['rows'] / 2**30:.2f} for rows"
    )
    for row in found["breaks"]:
        mark = "[red]breaks[/] at" if row["breaks"] else "holds up to"
        console.out.print(f"{mark} {row['at_images']:,} images: {row['what']}")
