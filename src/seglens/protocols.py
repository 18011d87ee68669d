"""The protocols of the seven choices and of what they stand on. The loop knows only these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

from torch import Tensor
from torch.nn import Module

from seglens.types import (
    Allowance,
    Answer,
    AnsweredImage,
    AnswerKind,
    ByteArray,
    CamSpec,
    Chance,
    Chunk,
    ClassTable,
    FloatArray,
    ImageId,
    ImageRows,
    IntArray,
    Item,
    PixelScore,
    Query,
    RegionSet,
    RoundState,
    Rows,
    Seen,
    Settled,
    Size,
)

T = TypeVar("T")


class SegDataset(Protocol):
    """Images for semantic segmentation, known by id. Labels are reached only through a LabelSource."""

    classes: ClassTable
    ids: Sequence[ImageId]

    def item(self, id: ImageId) -> Item:
        """Size, group and depth file of an image, without decoding it."""
        ...

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: the file is missing, unreadable or truncated.
        """
        ...

    def fingerprint(self) -> str:
        """A digest that changes when images or their order change: it keys the caches."""
        ...


@runtime_checkable
class Scaled(Protocol):
    """A dataset that reads an image in less time where it is not needed at its full size."""

    def image_for(self, id: ImageId, size: Size) -> ByteArray:
        """(H', W', 3) uint8 RGB of the whole image, no smaller than ``size`` unless the image is; else as ``image``."""
        ...


class LabelSource(Protocol):
    """The truth of a dataset. Only an oracle, the evaluation or a ``Privileged`` score ever holds one."""

    def has(self, id: ImageId) -> bool:
        """Whether the image has a mask."""
        ...

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void.

        Raises:
            SeglensError: no mask, unreadable, another size than the image's, or an unknown class id.
        """
        ...


@dataclass(frozen=True)
class PartContext:
    """What a part may be built with, picklable: every part is ``Part(params, context)``.

    Args:
        classes: the classes of the run.
        data: the pool's images (no labels).
        cache: folder for what is kept between runs (superpixels, ...).
        size: the model's input size (h, w).
    """

    classes: ClassTable
    data: SegDataset
    cache: Path
    size: Size


Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) during long work."""


class Evidence(Protocol):
    """What is known of a few images, computed on demand at the model's size (h, w); built and dropped in one worker.

    The union of the parts' needs is given at construction; reading what was not declared raises. Needs are words:
    ``logits``, ``probs``, ``features``, ``trunk`` (the features of that name), ``proximity``, ``cam``, ``teacher``,
    ``votes``, ``sampled``, ``perturbed``, ``view:NAME``; ``companion:NAME`` or ``map:NAME`` for what the network that a
    companion leaves behind says of images or of pixels, and ``members:NAME`` for a committee that it leaves behind.
    """

    @property
    def ids(self) -> Sequence[ImageId]:
        """The images, in batch order."""
        ...

    @property
    def sizes(self) -> Sequence[Size]:
        """Native (H, W) of each image."""
        ...

    @property
    def answered(self) -> Tensor:
        """(N, h, w) bool: what was asked about already; not a label."""
        ...

    @property
    def chance(self) -> Chance:
        """Of this run, round and purpose; ``child(image id)`` for each image."""
        ...

    @property
    def logits(self) -> Tensor:
        """(N, C, h, w) float32."""
        ...

    @property
    def probs(self) -> Tensor:
        """(N, C, h, w) float32, softmax of ``logits``."""
        ...

    def image(self, index: int) -> ByteArray:
        """(H, W, 3) uint8: the decoded image itself."""
        ...

    def features(self, tap: str) -> Tensor:
        """(N, D, h', w') features at ``tap``, from the net or the cache: the encoder's (``stride-4`` ... ``stride-32``,
        or ``bottleneck``: the deepest), or ``trunk``: the decoder's, which the head sees; padding included."""
        ...

    @property
    def proximity(self) -> Tensor:
        """(N, h, w) float32 in [0, 1], 1 = near, from the run's depth source."""
        ...

    def cam(self, spec: CamSpec) -> Tensor:
        """(N, h, w) float32: the class activation maps of each image, aggregated over classes; in [0, 1] when
        normalised. A class that is not predicted has no map; an image without any gets zeros."""
        ...

    @property
    def teacher(self) -> Tensor:
        """(N, C, h, w) float32 probabilities of the EMA teacher, mean over the image and its mirror image."""
        ...

    def votes(self, passes: int) -> Tensor:
        """(N, C, h, w) float32 counts: how many of ``passes`` passes with dropout on predict each class."""
        ...

    def sampled(self, passes: int) -> Tensor:
        """(N, C, h, w) float32 probabilities, mean over ``passes`` passes with dropout on."""
        ...

    def sampled_entropy(self, passes: int) -> tuple[Tensor, Tensor]:
        """``sampled``, and the mean of the same passes' entropies over log C: (N, C, h, w) and (N, h, w) float32."""
        ...

    def view(self, name: str) -> Tensor:
        """(N, C, h, w) float32 probabilities of a view of each image (``flip``, ...), in the original's pixels."""
        ...

    def members(self, name: str) -> Iterator[Tensor]:
        """(N, C, h, w) float32 probabilities of each member of the committee that companion ``name`` left behind, one
        at a time."""
        ...

    def perturbed(self, temperature: float, epsilon: float) -> Tensor:
        """(N, C, h, w) float32 logits of images whose colours (of 0 to 1) moved by ``epsilon`` towards what is said of
        them at ``temperature``."""
        ...

    def companion(self, name: str) -> Tensor:
        """(N, K) float32: what the network that a companion left behind says of each image (``Judge``)."""
        ...

    def companion_map(self, name: str) -> Tensor:
        """(N, h, w) float32: what the network that a companion left behind says of each pixel (``Marker``)."""
        ...


class DepthSource(Protocol):
    """How near is each pixel?"""

    def describe(self) -> str:
        """Where the proximity comes from, in words; a prior is called one."""
        ...

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute ahead whatever the images need; resumable, idempotent, may do nothing."""
        ...

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """Proximity of a few images.

        Args:
            ids: the images.
            size: (h, w) of the maps wanted.
            predicted: gives (N, h, w) int64, the class predicted for each pixel; called only where it is needed.

        Returns:
            (N, h, w) float32 in [0, 1], 1 = near.

        Raises:
            SeglensError: no depth for an image, or one that says nothing (another size, all invalid).
        """
        ...


class Score(Protocol):
    """How much would this pixel teach? ``privileged``: it sees the truth (``Privileged``), in simulation only."""

    needs: frozenset[str]
    privileged: bool

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of every pixel, with what rows have to keep of it."""
        ...

    def finish(self, rows: Rows) -> FloatArray:
        """(R,) final score of each row, finite, higher = ask sooner.

        The rows may be a part of the pool: what a score has to know of all of it stands in ``rows.sums``.
        """
        ...


@runtime_checkable
class Tallying(Protocol):
    """A score that has to know more of the pool than its pixels tell."""

    def tally(self, rows: Rows) -> Mapping[str, FloatArray]:
        """Of some of the pool's rows; added up over all of them they are in ``rows.sums`` when it finishes."""
        ...


@runtime_checkable
class Privileged(Protocol):
    """A score that sees the pool's truth: an upper bound, no method. No other part is ever given a LabelSource."""

    def reveal(self, truth: LabelSource) -> None:
        """Take up the truth; called once, where the answers are simulated from it."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A score that learns from past answers: what it makes of them is kept with the round and told in the report."""

    def learn(self, seen: Iterable[Seen]) -> dict[str, Any]:
        """Fit to what became known of earlier questions; plain JSON values, also where there is nothing to fit to."""
        ...

    def recall(self, learnt: Mapping[str, Any]) -> None:
        """Take up what ``learn`` gave, in another process."""
        ...


class Narrow(Protocol):
    """Which images are worth a look? ``reads_labelled``: it compares them with the rows of labelled images, which are
    only then reduced too."""

    needs: frozenset[str]
    reads_labelled: bool

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, D) what is kept of each image."""
        ...

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The ids to go on with, a subset of the pool's; ``labelled`` has arrays where they are read."""
        ...


class Cut(Protocol):
    """What is one question? ``partition``: it covers every pixel of an image without looking at the score.

    A cut that reads of the evidence what its score does not declare may have ``needs`` as well.
    """

    partition: bool

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute ahead whatever the images need (superpixels); resumable, idempotent, may do nothing."""
        ...

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The candidate regions of each image of ``ev``; ``px`` is None for a partition."""
        ...


class Pick(Protocol):
    """Which of them, within the budget? It sees rows, never pixels."""

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions of the picked rows, best first; their summed costs stay within ``budget.amount``."""
        ...


@runtime_checkable
class Ordered(Protocol):
    """A pick that goes through orders of the rows, each from its beginning, and stops when its budget is spent.

    Of a pool that is not to be held it is given the rows at the beginning of each alone: ``Allowance.whole`` tells of
    the rest. Where it comes to the end of such an order with something left to spend it raises ``TooFewRows``, and is
    called again with more. Picks without it are given the whole pool.
    """

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> Mapping[str, IntArray] | None:
        """Positions by order's name, which of two rows comes first told by these two; None = every row is needed.

        ``rows`` are some, of an image all or those that are first in an order; ``state.known`` is not there yet.
        """
        ...


@runtime_checkable
class TraitReader(Protocol):
    """A pick that reads more of regions than their score: rows have what is declared, and only then.

    ``needs``: of ``features``, ``gradient``, ``edges``, ``place`` (``seglens.acquisition.traits``).
    """

    needs: frozenset[str]


@dataclass(frozen=True)
class AskContext:
    """What an oracle may use: the truth (in simulation), evidence of images on demand, chance."""

    classes: ClassTable
    labels: LabelSource | None
    evidence: Callable[[Sequence[ImageId]], Evidence] | None
    chance: Chance


class Oracle(Protocol):
    """Who answers? Submitting is idempotent by query id.

    ``simulation``: it answers from the pool's labels; ``kinds``: of answers that it can give; ``free``: they cost
    neither clicks nor seconds.
    """

    simulation: bool
    needs: frozenset[str]
    kinds: frozenset[AnswerKind]
    free: bool

    def submit(self, queries: Sequence[Query], ask: AskContext) -> None:
        """Hand over questions."""
        ...

    def collect(self) -> list[Answer]:
        """The answers that came in since the last call."""
        ...


class Settle(Protocol):
    """What becomes a label?"""

    needs: frozenset[str]

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """Labels for each image of ``batch``; ``ev.ids`` are the same images in the same order, None = no model yet."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A settle that computes ahead what the images need, as a cut does."""

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute ahead whatever the images need (superpixels); resumable, idempotent."""
        ...


@runtime_checkable
class Judge(Protocol):
    """A network that says something of whole images."""

    def judge(self, stages: Callable[[], Tensor], images: Callable[[Size], Tensor]) -> Tensor:
        """What it says of N images.

        Args:
            stages: gives (N, D) float32, the pooled stages of the encoder; called only where they are read.
            images: given (h, w), gives the images at that size, (N, 3, h, w) float32 in [0, 1].

        Returns:
            (N, K) float32.
        """
        ...


@runtime_checkable
class Marker(Protocol):
    """A network that says something of each pixel, from the segmenter's logits."""

    def mark(self, logits: Tensor) -> Tensor:
        """(N, 1, H / s, W / s) of logits (N, C, H / s, W / s) at the decoder's stride s, padding included."""
        ...


@runtime_checkable
class Sized(Protocol):
    """A cut whose questions have a size that is known beforehand."""

    def question_pixels(self, size: Size) -> int:
        """Native pixels of one question about an image of ``size`` (H, W).

        Raises:
            SeglensError: a question is larger than the image.
        """
        ...


class Companion(Protocol):
    """A part that trains beside the model; its nets live in models/, its training in training/.

    ``name``: as registered; what it leaves behind is known by it. ``needs``: ``stages`` where it reads the encoder's
    pooled stages.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]

    def start(self, net: Module, course: Any) -> None:
        """A training (``seglens.training.Course``) begins with ``net``, already on its device."""
        ...

    def model(self) -> Module | None:
        """The network that this training leaves behind, to be saved with the round; None = nothing."""
        ...

    def prepare(self, batch: Any, unlabelled: Any | None) -> Any:
        """The batch, changed where the companion needs it."""
        ...

    def loss(self, outputs: Any) -> Tensor:
        """A scalar added to the loss."""
        ...

    def step(self) -> None:
        """After the model's step: an optimiser step of its own, or an average."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: name to something with ``state_dict`` and ``load_state_dict``."""
        ...


@runtime_checkable
class Shown(Protocol):
    """A companion that ``prepare`` also gives images without their labels, the partly labelled ones among them."""

    @property
    def unlabelled_images(self) -> int:
        """Images of the pool a step; 0 = those of the step itself."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Where the stream runs. ``make`` is picklable; each worker calls it once and uses its result for every chunk.

    The work writes its own files, whole or not at all, so that a chunk may be done again; what it returns is small.
    """

    def run(self, make: Callable[[], Callable[[Chunk], T]], chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, T]]:
        """The result of each chunk, as they are done."""
        ...
