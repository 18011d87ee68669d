"""Draw the learning curves of this stage and commit them: the default and random superpixels at equal clicks.

    python benchmarks/curves.py camvid    # full supervision (3 seeds), default, random superpixels and images (1 seed)
    python benchmarks/curves.py demo      # the demo's two presets and full supervision, 3 seeds each

Runs live under ``--runs`` and are resumed or reused; the results file, the table and the drawing under
docs/results are made from them. The last line of the output is the results as one JSON object.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from provenance import ROOT, commit, machine

from seglens.acquisition.presets import load_preset
from seglens.cli import console
from seglens.cli.demo import demo_config
from seglens.cli.run import summary
from seglens.config import RunConfig, read_yaml, resolve
from seglens.loop import Workbench, create, drive, load_config
from seglens.loop.machine import with_absolute_paths
from seglens.store import Repository
from seglens.store.repository import DATABASE
from seglens.types import SeglensError

FULL: dict[str, Any] = {"preset": "random-image", "rounds": 1}


@dataclass(frozen=True)
class Row:
    """A line of the table: a name, what changes in the config, and the seeds."""

    name: str
    changes: dict[str, Any]
    seeds: tuple[int, ...]


def rows(name: str, seeds: int | None) -> list[Row]:
    """The lines of one experiment."""
    few, many = ((0,), (0, 1, 2)) if name == "camvid" else ((0, 1, 2), (0, 1, 2))
    if seeds is not None:
        few = many = tuple(range(seeds))
    full = Row("full supervision", FULL, many)
    lines = [
        full,
        Row("default", {"preset": "default"}, few),
        Row("random-superpixel", {"preset": "random-superpixel"}, few),
    ]
    if name == "camvid":
        lines.append(
            Row(
                "random-image",
                {"preset": "random-image", "budget": {"unit": "images", "initial": 4, "per_round": 4}},
                few,
            )
        )
    return lines


def config(name: str, row: Row, seed: int) -> RunConfig:
    """The config of one run."""
    if name == "demo":
        values = demo_config("default", seed).model_dump(mode="json")
        values = {key: values[key] for key in ("rounds", "data", "eval_data", "model", "train", "budget")}
    else:
        values = read_yaml(ROOT / "examples" / f"{name}.yaml")
        for part in ("data", "eval_data"):
            values[part]["root"] = str((ROOT / values[part]["root"]).resolve())
    values |= row.changes | {"seed": seed}
    if row.changes is FULL:
        values["budget"] = {"unit": "images", "initial": 10**6, "per_round": 0}
    return resolve(values, load_preset(values["preset"]), name)


def run(folder: Path, config: RunConfig) -> dict[str, Any]:
    """One run, made, resumed or already there: its figures by round."""
    stamp = folder / "commit.txt"
    if not (folder / DATABASE).exists():
        create(folder, config)
        stamp.write_text(commit())
    if load_config(folder).digest() != with_absolute_paths(config).digest():
        raise SeglensError(f"{folder}: a run of another config; remove it to measure this one")
    with console.progress(folder.name) as report:
        drive(folder, report)
    repo = Repository.of_run(folder)
    iou = {(m.round, m.class_index): m.value for m in repo.metrics(name="iou") if m.truth == "native"}
    seconds = {(e.round, e.stage): e.data["seconds"] for e in repo.events("stage")}
    repo.close()
    found = []
    for row in summary(folder)["rounds"]:
        kept = {key: row[key] for key in ("clicks", "pixels", "pixel_share", "miou", "miou_at_model_size")}
        number = row["round"]
        kept["iou"] = [value for (r, _), value in sorted(iou.items()) if r == number]
        kept["seconds"] = {stage: value for (r, stage), value in seconds.items() if r == number}
        found.append(kept)
    return {"seed": config.seed, "config": config.digest(), "commit": stamp.read_text(), "rounds": found}


def mean(values: list[float]) -> str:
    """Mean and, of several values, standard deviation, in points."""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{spread}"


def table(results: dict[str, Any]) -> str:
    """The Markdown table of the last round of every row."""
    lines = ["| row | seeds | clicks | pixels labelled | mIoU, native truth | mIoU, truth at model size |"]
    lines.append("|---|---|---|---|---|---|")
    for name, runs in results["rows"].items():
        for number in range(len(runs[0]["rounds"])):
            at = [r["rounds"][number] for r in runs]
            clicks = statistics.mean(a["clicks"] for a in at)
            share = statistics.mean(a["pixel_share"] for a in at)
            native, model = mean([a["miou"] for a in at]), mean([a["miou_at_model_size"] for a in at])
            lines.append(f"| {name}, round {number} | {len(at)} | {clicks:,.0f} | {share:.2%} | {native} | {model} |")
    return "\n".join(lines) + "\n"


def draw(results: dict[str, Any], path: Path) -> None:
    """mIoU against clicks and against pixels, mean over seeds with each seed as a thin line."""
    plt.rcParams.update({"svg.hashsalt": "seglens", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    colors = ("#0072b2", "#d55e00", "#009e73")
    lines = [(name, runs) for name, runs in results["rows"].items() if name != "full supervision"]
    for (name, runs), color in zip(lines, colors, strict=False):
        for axis, key, scale in ((axes[0], "clicks", 1), (axes[1], "pixel_share", 100)):
            for r in runs:
                axis.plot(
                    [scale * a[key] for a in r["rounds"]],
                    [a["miou"] for a in r["rounds"]],
                    color=color,
                    alpha=0.3,
                    lw=0.8,
                )
            xs = [scale * statistics.mean(r["rounds"][i][key] for r in runs) for i in range(len(runs[0]["rounds"]))]
            ys = [statistics.mean(r["rounds"][i]["miou"] for r in runs) for i in range(len(runs[0]["rounds"]))]
            axis.plot(xs, ys, "o-", color=color, label=f"{name} ({len(runs)} seed{'s' if len(runs) > 1 else ''})")
    for axis, label in zip(axes, ("clicks", "pixels labelled, %"), strict=True):
        axis.axhline(results["full_miou"], color="#777777", ls="--", lw=1, label="full supervision")
        axis.set_xlabel(label)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.2)
    axes[0].set_ylabel("mIoU, native truth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("camvid", "demo"))
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "curves", help="where the runs live")
    parser.add_argument("--seeds", type=int, help="seeds of every row, instead of the experiment's own")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results", help="where the results are written")
    args = parser.parse_args()
    found: dict[str, Any] = {}
    for row in rows(args.name, args.seeds):
        label = row.name.replace(" ", "-")
        found[row.name] = [
            run(args.runs / args.name / f"{label}-{seed}", config(args.name, row, seed)) for seed in row.seeds
        ]
    full = statistics.mean(r["rounds"][0]["miou"] for r in found["full supervision"])
    sizes = Workbench(config(args.name, rows(args.name, 1)[1], 0), Path())
    results = {
        "experiment": args.name,
        "command": f"python benchmarks/curves.py {args.name}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **machine(),
        "rhythm": sizes.config.train.rhythm,
        "model_size": list(sizes.config.model.size),
        "classes": list(sizes.data.classes.names),
        "pool_images": len(sizes.pool),
        "full_miou": full,
        "rows": found,
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"{args.name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (args.out / f"{args.name}.md").write_text(table(results))
    draw(results, args.out / f"{args.name}.svg")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
