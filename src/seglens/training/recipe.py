"""The one recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seglens.config import TrainConfig
from seglens.models.network import SegNet
from seglens.models.stages import STAGES_TAP
from seglens.protocols import Companion, Progress, Shown
from seglens.training.batches import Batch, Batches
from seglens.training.devices import Devices, shared, sharing
from seglens.training.losses import image_losses, log_frequency_weights, merged_positive, partial_cross_entropy
from seglens.training.optim import Ema, build_optimiser, learning_rate_factor, set_learning_rate
from seglens.training.pixels import logits_at
from seglens.training.precision import Precision, resolve_precision
from seglens.training.resume import restore, save, training_key
from seglens.training.source import Course, TrainSource
from seglens.types import Chance, ModelSet, SeglensError, Targets

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass
class StepOutputs:
    """What a loss sees of a step.

    Args:
        logits: (N, C, P, 1) at the batch's places.
        targets: there.
        coarse: (N, C, H / s, W / s) logits at the decoder's stride, padding included.
        features: encoder features by tap; with ``stages`` where a companion needs them.
        trunk: (N, D, H / s, W / s) what the decoder gives, before the dropout behind it.
        batch: what the step saw.
    """

    logits: Tensor
    targets: Targets
    coarse: Tensor
    features: dict[str, Tensor]
    trunk: Tensor | None = None
    batch: Batch | None = None

    @property
    def stages(self) -> Tensor:
        """(N, D) float32: the encoder's pooled stages."""
        return self.features[STAGES_TAP].float().flatten(1)

    @cached_property
    def losses(self) -> Tensor:
        """(N,) float32, without gradient: weighted mean cross-entropy of each image over its labelled pixels, NaN
        where it has none."""
        return image_losses(self.logits.detach(), self.targets)


def train(
    net: SegNet,
    source: TrainSource,
    config: TrainConfig,
    chance: Chance,
    *,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    companions: Sequence[Companion] = (),
) -> ModelSet:
    """Train a network.

    The number of steps does not depend on how many labels there are. Batches, augmentation and dropout are functions of
    (chance, step), so that a training killed at any time and called again ends bit-equal to an undisturbed one.

    Args:
        net: as built or loaded by the caller (who decides about restarts); trained in place.
        source: labelled images.
        config: the recipe.
        chance: of this training.
        fabric: device and strategy, launched: all its processes call this alike, and each gives the same back; None =
            the accelerator there is, one device.
        checkpoint: where to save on the way; if it exists, the training goes on from it.
        progress: called with steps done, steps in all.
        companions: what trains beside the model; each starts anew, and goes on from the checkpoint if there is one.

    Returns:
        The network, its moving average and the networks that companions leave behind, all in eval.

    Raises:
        SeglensError: nothing to learn from, a loss that is not finite, a checkpoint of another training.
    """
    if fabric is None:
        from lightning_fabric import Fabric  # takes two seconds: only a training waits for it

        fabric = Fabric(accelerator="auto", devices=1)
    fabric.to_device(net)
    net.freeze_encoder(config.rhythm == "interactive")
    shown = {part.unlabelled_images for part in companions if isinstance(part, Shown)}
    with fabric.rank_zero_first():  # features are computed once
        batches = Batches(source, config, chance, net.config.size, len(net.classes), shown)
    steps = config.steps or math.ceil((config.epochs or 1) * len(source.ids) / config.batch)
    weights = None
    if config.class_weights == "log-frequency":
        weights = fabric.to_device(log_frequency_weights(batches.class_counts()))
    optimiser: Any = fabric.setup_optimizers(build_optimiser(net, config))
    precision = resolve_precision(config, fabric.device)
    ema = Ema(net, config.ema) if config.ema else None
    key = training_key(source, config, chance, net, companions)
    course = Course(source, config, chance, steps, weights)
    for companion in companions:
        companion.start(net, course)
    staged = any("stages" in companion.needs for companion in companions)
    done = restore(checkpoint, key, net, ema, optimiser, companions)
    net.train()
    devices = Devices(fabric.global_rank, fabric.world_size)
    with shared(devices, net):
        devices.agree((done, key), "checkpoint or labels")
        for step, batch in enumerate(batches.stream(done, steps), start=done):
            set_learning_rate(optimiser, learning_rate_factor(config.schedule, step, steps, config.drop_at))
            batch = to_device(batch, fabric)
            for companion in companions:
                other = batch.unlabelled[companion.unlabelled_images] if isinstance(companion, Shown) else None
                batch = companion.prepare(batch, other)
            outputs = run_step(net, batch, precision, staged)
            loss = partial_cross_entropy(outputs.logits, outputs.targets, weights)
            loss = loss + merged_positive(outputs.logits, outputs.targets)
            for companion in companions:
                loss = loss + companion.loss(outputs)
            check_finite(loss, step, config)
            optimiser.zero_grad()
            fabric.backward(loss)
            devices.add_up(net)
            optimiser.step()
            for companion in companions:
                companion.step()
            if ema is not None:
                ema.update(net, step)
            if devices.rank == 0 and checkpoint is not None and saves(step + 1, steps, config):
                save(checkpoint, key, step + 1, net, ema, optimiser, companions)
            if progress is not None:
                progress(step + 1, steps)
    net.eval()
    left = {companion.name: companion.model() for companion in companions}
    members = {name: model.eval() for name, model in left.items() if model is not None}
    return ModelSet(net, ema.net if ema is not None else None, members)


def saves(done: int, steps: int, config: TrainConfig) -> bool:
    """Whether a checkpoint is due after so many steps."""
    return done % config.checkpoint_steps == 0 and done < steps


def run_step(net: SegNet, batch: Batch, precision: Precision, stages: bool = False) -> StepOutputs:
    """Logits of a batch, from its features or from its images; with the encoder's pooled stages where asked for."""
    coarse, features, trunk = coarse_logits(net, batch.features, batch.images, precision, batch.chances, stages)
    return StepOutputs(
        logits_at(coarse, batch.places, net.decoder.stride), batch.targets, coarse, features, trunk, batch
    )


def coarse_logits(
    net: SegNet,
    features: dict[str, Tensor] | None,
    images: Tensor | None,
    precision: Precision,
    chances: Sequence[Chance] | None = None,
    stages: bool = False,
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Logits at the decoder's stride from features, or from images where there are none; the features; the trunk.

    In a training of several processes each takes its share of the images; what comes back is of all.
    """
    kind, devices = net.mean.device.type, sharing()
    first = images if features is None else next(iter(features.values()))
    assert first is not None
    count = len(first)
    mine = devices.share(count)
    chances = None if chances is None else chances[mine]
    if features is None:
        with torch.autocast(kind, torch.bfloat16, enabled=precision.encoder):
            seen = net.encode(first[mine], stages)
        features = {tap: devices.whole(value, count) for tap, value in seen.items()}
    else:
        seen = {tap: value[mine] for tap, value in features.items()}
    with torch.autocast(kind, torch.bfloat16, enabled=precision.decoder):
        trunk = net.trunk(seen, chances=chances)
        logits = net.classify(trunk, chances)
    return devices.whole(logits, count), features, devices.whole(trunk, count)


def to_device(batch: Batch, fabric: Fabric) -> Batch:
    """The batch on the device of the training."""
    move, t = fabric.to_device, batch.targets
    targets = Targets(move(t.index), move(t.weight), _move(move, t.regions), _move(move, t.sets))
    features, mirrored = (
        None if taps is None else {tap: move(value) for tap, value in taps.items()}
        for taps in (batch.features, batch.mirrored)
    )
    unlabelled = {count: to_device(other, fabric) for count, other in batch.unlabelled.items()}
    images = _move(move, batch.images)
    return Batch(batch.ids, targets, move(batch.places), batch.chances, features, images, mirrored, unlabelled)


def _move(move: Callable[[Tensor], Tensor], value: Tensor | None) -> Tensor | None:
    return None if value is None else move(value)


def check_finite(loss: Tensor, step: int, config: TrainConfig) -> None:
    """Stop a training that has run away."""
    if not bool(torch.isfinite(loss)):
        raise SeglensError(
            f"training: the loss is {loss.item()} at step {step}; lower train.lr (now {config.lr:g}) or set "
            "train.precision to float32"
        )
