"""What the network says of a few images, computed once and only when a part reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, reduce
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from seglens.evidence.cam import Decoded, activation_map, check, decode_traced
from seglens.evidence.several import committee_probs, dropout_passes, perturbed_logits
from seglens.functional.disagreement import mean_and_entropy
from seglens.functional.proximity import gated, openness
from seglens.functional.run_lengths import decode
from seglens.functional.votes import vote_counts
from seglens.models import Committee, FeatureCache, SegNet, load_image
from seglens.models.precision import autocast
from seglens.models.stages import STAGES_TAP
from seglens.models.views import VIEWS, view_of
from seglens.protocols import DepthSource, Judge, Marker, SegDataset
from seglens.types import BoolArray, ByteArray, CamSpec, Chance, Gate, ImageId, Region, SeglensError, Size

Asked = Callable[[ImageId], Sequence[Region]]


class NetEvidence:
    """Evidence of one batch of images, at the model's size; built and dropped inside one worker.

    Args:
        ids: the images, in batch order.
        data: where they come from.
        size: the model's input size (h, w), pixels.
        chance: of this run, round and purpose; parts take ``chance.child(image id)``.
        needs: what the parts declared; reading anything else raises.
        net: the network in eval mode, or None in round 0.
        cache: encoder features already computed, or None: then the encoder runs.
        asked: regions of an image that were asked about already.
        precision: ``float32``, or bfloat16 where the device has it.
        depth: where proximity comes from.
        member: gives the network that a companion left behind, by name; None where there is none. Called when it is
            read.
    """

    def __init__(
        self,
        ids: Sequence[ImageId],
        data: SegDataset,
        size: Size,
        chance: Chance,
        needs: frozenset[str] = frozenset(),
        net: SegNet | None = None,
        cache: FeatureCache | None = None,
        asked: Asked | None = None,
        precision: str = "auto",
        depth: DepthSource | None = None,
        member: Callable[[str], nn.Module | None] | None = None,
    ) -> None:
        self.ids = list(ids)
        self.size = size
        self.chance = chance
        self.needs = needs
        self._data = data
        self._net = net
        self._cache = cache
        self._asked = asked
        self._precision = precision
        self._depth = depth
        self._member = member

    @cached_property
    def sizes(self) -> list[Size]:
        """The native size (H, W) of each image."""
        return [self._data.item(id).size for id in self.ids]

    def image(self, index: int) -> ByteArray:
        """(H, W, 3) uint8: the decoded image ``index`` of the batch."""
        return self._data.image(self.ids[index])

    @cached_property
    def logits(self) -> Tensor:
        """(N, C, h, w) float32.

        Raises:
            SeglensError: not declared as a need, or there is no model yet.
        """
        self._declared("logits", "probs")
        return self._logits

    @cached_property
    def probs(self) -> Tensor:
        """(N, C, h, w) float32."""
        self._declared("probs")
        return self.logits.softmax(1)

    def features(self, tap: str) -> Tensor:
        """(N, D, h', w') features at ``tap`` of the encoder; ``bottleneck``: its deepest; ``trunk``: the decoder's."""
        if tap == "trunk":
            self._declared("trunk")
            return self._trunk
        self._declared("features")
        if tap == "bottleneck":
            tap = self._network("features").taps[-1]
        if tap not in self._features:
            raise SeglensError(f"no features at tap '{tap}'; the network has {', '.join(self._features)}")
        return self._features[tap]

    @cached_property
    def proximity(self) -> Tensor:
        """(N, h, w) float32 in [0, 1], 1 = near, on the network's device.

        Raises:
            SeglensError: not declared, no depth source, or a map that says nothing.
        """
        self._declared("proximity")
        if self._depth is None:
            raise SeglensError("proximity needs a depth source, and this evidence was made without one")
        near = self._depth.proximity(self.ids, self.size, lambda: self._logits.argmax(1))
        return near.to(self._logits.device if self._net is not None else near.device)

    def cam(self, spec: CamSpec) -> Tensor:
        """(N, h, w) float32: the class activation maps of each image, aggregated over classes (Seg-Grad-CAM).

        A class that is not predicted has no map; an image without any gets zeros. With a gate (which reads
        ``proximity``), the depth-informed image is encoded and predicted anew, and only logits of pixels that the gate
        leaves open, be it by a crack, are explained: the network says nothing about black ones.

        Deviation: with ``faded`` the maps fade like the image. SegXAL does not say so, but a network's activations on
        black are no zeros: left as they are, scaled maps were as high far away as near (0.53 and 0.51 on streets), not
        aware of proximity. The price: what fades shows the gate, whatever the weights are (docs/results).

        Raises:
            SeglensError: not declared, no model yet, or a layer that the network does not have.
        """
        self._declared("cam")
        net = self._network("cam")
        check(net, spec.layer)
        if spec.gate is None:
            return torch.stack([activation_map(net, image, spec, self._precision) for image in self._traced])
        shares = openness(self.proximity, spec.gate)
        return torch.stack(
            [self._gated_map(net, id, share, spec, spec.gate) for id, share in zip(self.ids, shares, strict=True)]
        )

    def _gated_map(self, net: SegNet, id: ImageId, share: Tensor, spec: CamSpec, gate: Gate) -> Tensor:
        device = next(net.parameters()).device
        share = share.to(device)
        image = gated(load_image(self._data, id, self.size)[None].to(device), share[None])
        with torch.inference_mode(), autocast(device, self._precision):
            features = net.encode(image)
        decoded = decode_traced(net, features, self.size, self._precision)
        found = activation_map(net, decoded, spec, self._precision, share > 0)
        return found * share if gate.faded else found

    @cached_property
    def teacher(self) -> Tensor:
        """(N, C, h, w) float32 probabilities of the EMA teacher, mean over the image and its mirror image.

        Raises:
            SeglensError: not declared, or the run trains no teacher.
        """
        self._declared("teacher")
        net = cast(SegNet, self._left_behind("ema-teacher"))
        return (self._viewed(net, "plain") + self._viewed(net, "flip")) / 2

    def votes(self, passes: int) -> Tensor:
        """(N, C, h, w) float32 counts: how many of ``passes`` passes with dropout on predict each class.

        Channels are dropped by (image, pass): pass t of an image draws from ``chance.child(id, t)``, whatever the
        batch. The encoder, and what no dropout touches, run once; logits are never enlarged (``functional.votes``).

        Raises:
            SeglensError: not declared, there is no model yet, or no pass.
        """
        self._declared("votes")
        net = self._network("votes")
        rows = [vote_counts(self._passes(net, few, passes), net.decoder.stride, self.size) for few in self._few(net)]
        return torch.cat(rows) if len(rows) > 1 else rows[0]

    def sampled(self, passes: int) -> Tensor:
        """(N, C, h, w) float32 probabilities, mean over ``passes`` passes with dropout on, drawn as for ``votes``.

        Raises:
            SeglensError: not declared, there is no model yet, or no pass.
        """
        self._declared("sampled")
        net = self._network("sampled")
        means: list[Tensor] = []
        for few in self._few(net):
            means.append(reduce(Tensor.add_, self._sampled(net, few, passes)).div_(passes))
        return torch.cat(means)

    def _few(self, net: SegNet) -> list[range]:
        """Positions of the images that go through the network together."""
        step = self._at_once(next(net.parameters()).device)
        return [range(start, min(start + step, len(self.ids))) for start in range(0, len(self.ids), step)]

    def _passes(self, net: SegNet, few: range, passes: int) -> Iterator[Tensor]:
        """Logits of each pass at the decoder's stride, for the images at ``few``."""
        features = {tap: f[few.start : few.stop] for tap, f in self._features.items()}
        chances = [self.chance.child(self.ids[i]) for i in few]
        return dropout_passes(net, features, chances, passes, self.size, self._precision)

    def _sampled(self, net: SegNet, few: range, passes: int) -> Iterator[Tensor]:
        """Probabilities of each pass, (n, C, h, w) float32, for the images at ``few``."""
        return (net.enlarge(z.float(), self.size).softmax(1) for z in self._passes(net, few, passes))

    def sampled_entropy(self, passes: int) -> tuple[Tensor, Tensor]:
        """``sampled``, and the mean of the same passes' entropies over log C: (N, C, h, w) and (N, h, w) float32."""
        self._declared("sampled")
        net = self._network("sampled")
        means, entropies = zip(
            *(mean_and_entropy(self._sampled(net, few, passes)) for few in self._few(net)), strict=True
        )
        return torch.cat(means), torch.cat(entropies)

    def view(self, name: str) -> Tensor:
        """(N, C, h, w) float32 probabilities of a view of each image (``flip``, ...), in the original's pixels.

        Raises:
            SeglensError: not declared, no such view, or no model yet.
        """
        self._declared(f"view:{name}")
        return self._viewed(self._network("views"), name)

    def _viewed(self, net: SegNet, name: str) -> Tensor:
        return view_of(name).back(self._decoded(net, self._encoded(net, name)).softmax(1))

    def members(self, name: str) -> Iterator[Tensor]:
        """Of each member of the committee that companion ``name`` left behind, (N, C, h, w) float32 probabilities.

        Raises:
            SeglensError: not declared, no model yet, or the run trains no such companion.
        """
        self._declared(f"members:{name}")
        net = self._network("members")
        committee = self._left_behind(name)
        assert isinstance(committee, Committee)
        device = next(net.parameters()).device
        seen = self._images(range(len(self.ids))).to(device) if committee.whole else self._features
        return committee_probs(committee, net, seen, self._few(net), self.size, self._precision)

    def perturbed(self, temperature: float, epsilon: float) -> Tensor:
        """(N, C, h, w) float32 logits of images moved by ``epsilon`` towards what is said of them, at ``temperature``
        (``several.perturbed_logits``). The images are encoded anew, whatever the cache holds.
        """
        self._declared("perturbed")
        net = self._network("perturbed images")
        device = next(net.parameters()).device
        rows = [self._images(few).to(device) for few in self._few(net)]
        return torch.cat([perturbed_logits(net, row, temperature, epsilon, self._precision) for row in rows])

    def _images(self, few: range, view: str = "plain") -> Tensor:
        """(n, 3, h, w) float32 in [0, 1]."""
        return torch.stack([load_image(self._data, self.ids[i], self.size, VIEWS[view]) for i in few])

    def companion(self, name: str) -> Tensor:
        """(N, K) float32: what the network that a companion left behind says of each image.

        Of the network only the encoder runs; where a cache holds its stages, nothing does.

        Raises:
            SeglensError: not declared, or the run trains no such companion.
        """
        self._declared(f"companion:{name}")
        net = self._left_behind(name)
        assert isinstance(net, Judge)
        device = next(net.parameters()).device

        def images(size: Size) -> Tensor:
            return torch.stack([load_image(self._data, id, size) for id in self.ids]).to(device)

        with torch.inference_mode():
            said: Tensor = net.judge(lambda: self._features[STAGES_TAP].float().flatten(1).to(device), images)
        return said.float()

    def companion_map(self, name: str) -> Tensor:
        """(N, h, w) float32: what the network that a companion left behind says of each pixel.

        Raises:
            SeglensError: not declared, there is no model yet, or the run trains no such companion.
        """
        self._declared(f"map:{name}")
        net, marker = self._network(f"map:{name}"), self._left_behind(name)
        assert isinstance(marker, Marker)
        parts = []
        for few in self._few(net):
            features = {tap: f[few.start : few.stop] for tap, f in self._features.items()}
            with torch.inference_mode():
                with autocast(net.mean.device, self._precision):
                    logits = net.coarse(features).float()
                parts.append(net.enlarge(marker.mark(logits), self.size)[:, 0])
        return torch.cat(parts)

    def _left_behind(self, name: str) -> nn.Module:
        net = self._member(name) if self._member else None
        if net is None:
            raise SeglensError(f"no network of companion '{name}': add it to companions")
        return net

    def asked(self, index: int) -> BoolArray | None:
        """(H, W) bool, native: what was asked about in image ``index``; None = nothing."""
        regions = self._asked(self.ids[index]) if self._asked else ()
        if not regions:
            return None
        mask = np.zeros(self.sizes[index], bool)
        for region in regions:
            mask |= decode(region.runs, region.size)
        return mask

    @cached_property
    def answered(self) -> Tensor:
        """(N, h, w) bool: ``asked`` at the model's size (nearest pixel centre)."""
        rows: list[Tensor] = []
        for index, (height, width) in enumerate(self.sizes):
            mask = self.asked(index)
            if mask is None:
                rows.append(torch.zeros(self.size, dtype=torch.bool))
                continue
            y = ((np.arange(self.size[0]) + 0.5) * height / self.size[0]).astype(int)
            x = ((np.arange(self.size[1]) + 0.5) * width / self.size[1]).astype(int)
            rows.append(torch.from_numpy(mask[np.ix_(y, x)]))
        return torch.stack(rows)

    @cached_property
    def _traced(self) -> list[Decoded]:
        """Each image decoded alone, with what its class activation maps need."""
        net = self._network("cam")
        features = self._features
        alone = [{tap: f[i : i + 1] for tap, f in features.items()} for i in range(len(self.ids))]
        return [decode_traced(net, one, self.size, self._precision) for one in alone]

    @cached_property
    def _logits(self) -> Tensor:
        if "cam" in self.needs:
            return torch.cat([image.logits for image in self._traced])
        net = self._network("logits")
        if "trunk" not in self.needs:
            return self._decoded(net, self._features)
        parts = [self._trunk[few.start : few.stop] for few in self._few(net)]
        with torch.inference_mode(), autocast(net.mean.device, self._precision):
            return torch.cat([net.enlarge(net.classify(part), self.size).float() for part in parts])

    @cached_property
    def _trunk(self) -> Tensor:
        """(N, D, H / s, W / s) float32, of the padded input: what the head sees, s the decoder's stride."""
        net = self._network("trunk")
        parts = [{tap: f[few.start : few.stop] for tap, f in self._features.items()} for few in self._few(net)]
        with torch.inference_mode(), autocast(net.mean.device, self._precision):
            return torch.cat([net.trunk(part).float() for part in parts])

    @cached_property
    def _features(self) -> dict[str, Tensor]:
        return self._encoded(self._network("features"), "plain")

    def _encoded(self, net: SegNet, view: str) -> dict[str, Tensor]:
        """Features of a view of each image, from the cache where it holds that view."""
        device = next(net.parameters()).device
        if self._cache is not None and view in self._cache.views:
            kept = self._cache.get(self.ids, [view] * len(self.ids))
            return {tap: feature.to(device) for tap, feature in kept.items()}
        images = self._images(range(len(self.ids)), view).to(device)
        with torch.inference_mode(), autocast(device, self._precision):
            parts = [net.encode(few, self._staged) for few in torch.split(images, self._at_once(device))]
        return {tap: torch.cat([part[tap] for part in parts]) for tap in parts[0]} if len(parts) > 1 else parts[0]

    @property
    def _staged(self) -> bool:
        return any(need.startswith("companion:") for need in self.needs)

    def _at_once(self, device: torch.device) -> int:
        """How many images go through the network together: on a CPU about 2**18 pixels, for larger maps come from fresh
        memory at every layer, which takes a batch of eight images of 360x480 1.6 times the processor time."""
        return len(self.ids) if device.type != "cpu" else max(1, 2**18 // (self.size[0] * self.size[1]))

    def _decoded(self, net: SegNet, features: dict[str, Tensor]) -> Tensor:
        """(N, C, h, w) float32; features are read outside autocast, which knows no float16 on a CPU."""
        device = next(net.parameters()).device
        step = self._at_once(device)
        parts = [{tap: f[i : i + step] for tap, f in features.items()} for i in range(0, len(self.ids), step)]
        with torch.inference_mode(), autocast(device, self._precision):
            return torch.cat([net.decode(part, self.size).float() for part in parts])

    def _network(self, what: str) -> SegNet:
        if self._net is None:
            raise SeglensError(f"{what} need a model, and there is none before the first training")
        return self._net

    def _declared(self, *names: str) -> None:
        if not self.needs.intersection(names):
            raise SeglensError(
                f"evidence '{names[0]}' was read but not declared: add it to the part's needs "
                f"(declared: {', '.join(sorted(self.needs)) or 'nothing'})"
            )
