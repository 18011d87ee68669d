"""What is looked at before a run is made: every part, every value, the data; nothing is written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from seglens.acquisition.traits import WITHOUT_MODEL
from seglens.loop.workbench import Workbench
from seglens.models import build_network
from seglens.models.stages import stage_modules
from seglens.models.views import view_of
from seglens.protocols import Shown, Sized, TraitReader
from seglens.registry import narrows, networks
from seglens.types import AnswerKind, SeglensError, Unit

TEACHER = "ema-teacher"
OF_COMPANIONS = ("companion:", "map:", "members:")
"""How needs begin that end in the name of a companion."""


def check(bench: Workbench) -> None:
    """Build every part and look at the data once, before anything is written.

    Raises:
        SeglensError: a part, a value or data that cannot work.
    """
    classes = bench.data.classes.names
    if len(classes) < 2:
        raise SeglensError(f"data: segmentation needs two classes or more, found {len(classes)}: give a class list")
    if bench.eval_data is not None and bench.eval_data.classes.names != classes:
        raise SeglensError(
            f"eval_data: its classes ({', '.join(bench.eval_data.classes.names)}) are not the pool's "
            f"({', '.join(classes)}), in the same order"
        )
    _ = bench.pool, bench.narrows, bench.score, bench.cut, bench.settle, bench.oracle, bench.companions, bench.engine
    if len(set(bench.pool)) < len(bench.pool):
        twice = next(id for id, images in Counter(bench.pool).items() if images > 1)
        raise SeglensError(f"data: found image id '{twice}' more than once in the pool; allowed: each once")
    if "proximity" in bench.needs:
        _ = bench.depth
    _check_devices(bench)
    _check_privileged(bench)
    _check_narrow(bench)
    _check_companions(bench)
    _check_dropout(bench)
    _check_windows(bench)
    unit = bench.config.budget.unit
    if bench.oracle.free and unit in (Unit.CLICKS, Unit.SECONDS):
        raise SeglensError(
            f"budget.unit: {unit.value}, but ask '{bench.config.ask.name}' costs none; allowed: "
            f"{', '.join(u.value for u in Unit if u not in (Unit.CLICKS, Unit.SECONDS))}"
        )
    _check_layer(bench)
    kinds = bench.oracle.kinds
    if bench.config.answer not in kinds:
        raise SeglensError(
            f"answer: '{bench.config.answer.value}', but ask '{bench.config.ask.name}' gives "
            f"{' or '.join(sorted(kind.value for kind in kinds))}"
        )
    _check_audit_set(bench)
    _check_picks(bench)
    networks.get(bench.config.model.name)
    for view in bench.config.train.views:
        view_of(view)


def _check_audit_set(bench: Workbench) -> None:
    """An audit set is labelled by people, pixel by pixel; what the machine says of itself measures nothing."""
    if not bench.audit_set:
        return
    if bench.oracle.free or AnswerKind.DENSE not in bench.oracle.kinds:
        raise SeglensError(
            f"audit_set: its images are labelled by people, and ask '{bench.config.ask.name}' answers by machine or "
            "not pixel by pixel; allowed: another ask, such as human or simulated, or audit_set.images: 0"
        )


def _check_picks(bench: Workbench) -> None:
    """Both picks, and what the first one reads while there is no model."""
    bench.pick(first=False)
    start = bench.pick(first=True)
    missing = sorted(start.needs - WITHOUT_MODEL) if isinstance(start, TraitReader) else []
    if missing:
        raise SeglensError(
            f"start: '{bench.config.start.name}' reads '{missing[0]}' of a model's prediction, and round 0 has none; "
            "allowed: a pick that reads no prediction, such as spread-images, typical, coverage, k-center"
        )


def _check_devices(bench: Workbench) -> None:
    """Each process has an image of each step."""
    config = bench.config
    processes = config.devices * config.nodes
    if processes > config.train.batch:
        raise SeglensError(
            f"devices: {config.nodes} x {config.devices} (nodes, devices) processes cannot share a step of "
            f"train.batch = {config.train.batch} images; allowed: as many processes as images, or fewer"
        )
    for part in bench.companions:
        if isinstance(part, Shown) and 0 < part.unlabelled_images < processes:
            raise SeglensError(
                f"devices: {processes} processes cannot share the {part.unlabelled_images} images a step of companion "
                f"'{part.name}'; allowed: as many processes as images, or fewer"
            )


def _check_privileged(bench: Workbench) -> None:
    """A score that sees the truth is an upper bound, and no person's answers are to be chosen by it."""
    if bench.score.privileged and not bench.oracle.simulation:
        raise SeglensError(
            f"score: '{bench.config.score.name}' sees the truth, and ask '{bench.config.ask.name}' is no simulation; "
            "allowed: another score, or an ask that answers from the truth, such as simulated"
        )


def _check_narrow(bench: Workbench) -> None:
    """A subset must fit into the pool, or it is none."""
    for part in bench.config.narrow:
        images = getattr(narrows.params(part), "images", None)
        if images is not None and images > len(bench.pool):
            raise SeglensError(
                f"narrow '{part.name}': key 'images', found {images}, but the pool has {len(bench.pool)}. "
                f"Allowed: 1 to {len(bench.pool)}, or fraction"
            )


def _check_companions(bench: Workbench) -> None:
    """What parts read of companions must be trained, and the encoder must have what companions read."""
    config = bench.config
    trained = {part.name for part in config.companions}
    parts = [(f"score: {config.score.name}", bench.score.needs), (f"settle: {config.settle.name}", bench.settle.needs)]
    parts += [(f"ask: {config.ask.name}", bench.oracle.needs)]
    parts += [(f"narrow: {part.name}", built.needs) for part, built in zip(config.narrow, bench.narrows, strict=True)]
    for name, needs in parts:
        for missing in sorted(read_of_companions(needs) - trained):
            raise SeglensError(
                f"companions: '{name}' reads what '{missing}' leaves behind: add {missing} (found "
                f"{', '.join(sorted(trained)) or 'none'})"
            )
    if bench.staged:
        stage_modules(bench.config.model.encoder)


def read_of_companions(needs: Iterable[str]) -> set[str]:
    """Names of the companions whose leavings ``needs`` read."""
    read = {TEACHER for need in needs if need == "teacher"}
    return read | {need.partition(":")[2] for need in needs if need.startswith(OF_COMPANIONS)}


def _check_dropout(bench: Workbench) -> None:
    """Passes of a network without dropout are all the same."""
    read = sorted({"votes", "sampled"} & bench.needs)
    if read and bench.config.model.dropout == 0:
        raise SeglensError(
            f"model.dropout: found 0, allowed: above 0 and below 1, for a part of this run reads '{read[0]}': passes "
            "with dropout on"
        )


def _check_windows(bench: Workbench) -> None:
    """Questions of a fixed size must fit into every image, and a round's budget must pay for one."""
    cut, budget = bench.cut, bench.config.budget
    if not isinstance(cut, Sized):
        return
    pixels = min(cut.question_pixels(size) for size in {bench.data.item(id).size for id in bench.pool})
    in_pixels = budget.unit in (Unit.PIXELS, Unit.IMAGE_EQUIVALENTS, Unit.POOL_SHARE)
    if not in_pixels or bench.config.rounds == 1 or bench.config.answer is AnswerKind.POINT:
        return  # not paid by its pixels, or not asked for: round 0 asks whole images
    least = pixels if budget.unit is Unit.PIXELS else pixels / bench.unit_pixels
    if budget.per_round < least:
        step = 10.0 ** (math.floor(math.log10(least)) - 3)  # rounded up, so that what is named is enough
        raise SeglensError(
            f"budget.per_round: found {budget.per_round:g} {budget.unit.value}, which pays for no question of cut "
            f"'{bench.config.cut.name}': one is {pixels} pixels; allowed: {math.ceil(least / step) * step:.5g} or more"
        )


def _check_layer(bench: Workbench) -> None:
    """A layer that the network does not have is found now, not after the first training."""
    layer = getattr(getattr(bench.score, "spec", None), "layer", None) if "cam" in bench.score.needs else None
    tap = getattr(getattr(bench.settle, "params", None), "tap", None)
    if layer is None and tap is None:
        return
    net = build_network(bench.config.model.model_copy(update={"weights": "random"}), bench.data.classes, bench.chance)
    wanted = [(f"score '{bench.config.score.name}': key 'layer'", layer, net.activations)]
    wanted += [(f"settle '{bench.config.settle.name}': key 'tap'", tap, net.taps)]
    for key, found, allowed in wanted:
        if found is not None and found not in allowed:
            model = bench.config.model.name
            raise SeglensError(f"{key}, found '{found}'. Allowed for model '{model}': {', '.join(allowed)}")
