"""The game of VAAL: an autoencoder that makes every image look labelled, a discriminator that finds it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from seglens.config import Params
from seglens.models.vae import VaalNet
from seglens.training.source import draw_batch
from seglens.types import Chance, ImageId, SeglensError


class GameParams(Params):
    """How the game is played."""

    batch: int = Field(16, gt=0, description="labelled images a step of the autoencoder, and as many unlabelled ones")
    every: int = Field(1, gt=0, description="steps of the model for each step of the autoencoder")
    vae_steps: int = Field(2, gt=0, description="steps of the autoencoder for each step of the discriminator")
    lr: float = Field(5e-4, gt=0, description="learning rate of both (Adam)")
    latent: int = Field(32, gt=0, description="length of the latent")
    width: int = Field(16, gt=0, multiple_of=8, description="channels of the autoencoder's first convolution")
    pixel_noise: float = Field(
        0.1, gt=0, description="standard deviation of a pixel that the autoencoder may leave unexplained, of 0 to 1"
    )
    adversary: float = Field(
        1.0,
        ge=0,
        description="weight of looking labelled in the autoencoder's loss; beside the evidence bound, which is summed "
        "over the image, 1 hardly moves it",
    )
    memory: int = Field(8192, gt=0, description="small images kept in memory, at most (12 KiB each)")


@dataclass(frozen=True)
class Board:
    """What the game is played with.

    Args:
        labelled: images with any label.
        unlabelled: images of the pool without.
        images: given ids, (N, 3, 64, 64) float32 in [0, 1].
        stages: given ids, (N, D) pooled stages of the encoder; called only where the net reads them.
        chance: of the game.
    """

    labelled: Sequence[ImageId]
    unlabelled: Sequence[ImageId]
    images: Callable[[Sequence[ImageId]], Tensor]
    stages: Callable[[Sequence[ImageId]], Tensor]
    chance: Chance


def autoencoder_loss(images: Tensor, again: Tensor, mean: Tensor, log_variance: Tensor, pixel_noise: float) -> Tensor:
    """Squared error over twice the variance of a pixel, and divergence from the standard normal: the evidence bound.

    Deviation: VAAL takes the squared error of a mean pixel. The autoencoder then moves the latents about faster than
    the discriminator follows: of four toy modes, two of them labelled, it told the others at AUROC 0.63 and 0.71 after
    240 steps (two seeds), with the squared error summed over the image at 0.29 to 0.70 after 300 (three seeds, two
    batch sizes), and with a pixel's noise of 0.1 at 1.00 after 240 in all of these six.

    Beside it the paper's adversarial term of weight 1 is small: 0.2 % of the gradient at the encoder on the toy modes,
    where weights of 0, 1, 100 and 1000 gave AUROC 1.00, 1.00, 0.88 and 0.36 (one seed). Its purpose, an encoder
    that hides which images are labelled, works against telling them apart; here the discriminator decides.

    Args:
        images: (N, 3, h, w) in [0, 1].
        again: (N, 3, h, w) the images decoded.
        mean: (N, latent).
        log_variance: (N, latent).
        pixel_noise: standard deviation of a pixel that is taken for noise.

    Returns:
        Scalar: each summed over an image, the mean over the images.

    Reference:
        Kingma and Welling, ICLR 2014, eq. 10 and appendix C.2; Sinha et al., ICCV 2019, eq. 1.
    """
    error = (again - images).square().flatten(1).sum(1) / (2 * pixel_noise**2)
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
    return (error + divergence).mean()


class Adversary:
    """Plays step after step; each is a function of (chance, number of the step) and the weights before it.

    The discriminator's step follows every ``vae_steps``-th step of the autoencoder, on the same images. Where no image
    is unlabelled (or none labelled), the autoencoder learns alone and the discriminator stays as it is: untrained, it
    says one half of every image.

    Args:
        net: whose autoencoder and discriminator learn.
        params: how.
        board: of what.
    """

    def __init__(self, net: VaalNet, params: GameParams, board: Board) -> None:
        self.net, self.params, self.board = net, params, board
        self.optimisers = [torch.optim.Adam(part.parameters(), params.lr) for part in (net.vae, net.discriminator)]

    def play(self, number: int) -> None:
        """Step ``number`` of the autoencoder, and of the discriminator where it is its turn.

        Raises:
            SeglensError: a loss that is not finite.
        """
        ids, wanted = self._draw(number)
        images = self.board.images(ids)
        beside = self.net.beside(lambda: self.board.stages(ids), len(ids))
        noise = torch.randn(
            (len(ids), self.net.latent), generator=self.board.chance.child("latent", number).torch()
        ).to(images.device)
        labelled = None if wanted is None else wanted.to(images.device)
        self._move(0, self._autoencoder(images, beside, noise, labelled is not None), number)
        if labelled is not None and (number + 1) % self.params.vae_steps == 0:
            with torch.no_grad():
                mean, _ = self.net.vae.encode(images)
            self._move(1, self._told_apart(mean, beside, labelled), number)

    def _draw(self, number: int) -> tuple[list[ImageId], Tensor | None]:
        """Images of a step; whether each is labelled, (N,) float32, None where all or none are."""
        board, size = self.board, self.params.batch
        sides = ((board.labelled, "labelled"), (board.unlabelled, "unlabelled"))
        drawn = [[d.id for d in draw_batch(ids, number, size, board.chance.child(n))] for ids, n in sides if ids]
        wanted = torch.tensor([1.0, 0.0]).repeat_interleave(size) if len(drawn) == 2 else None
        return [id for side in drawn for id in side], wanted

    def _autoencoder(self, images: Tensor, beside: Tensor, noise: Tensor, against: bool) -> Tensor:
        mean, log_variance = self.net.vae.encode(images)
        latent = mean + noise * (log_variance / 2).exp()
        again = self.net.vae.decode(torch.cat([latent, beside], 1))
        loss = autoencoder_loss(images, again, mean, log_variance, self.params.pixel_noise)
        if against:
            loss = loss + self.params.adversary * self._told_apart(mean, beside, torch.ones(len(mean)).to(mean))
        return loss

    def _told_apart(self, mean: Tensor, beside: Tensor, labelled: Tensor) -> Tensor:
        """Cross-entropy of what the discriminator says against what it should (Sinha et al., eq. 2 and 3)."""
        said = self.net.discriminator(torch.cat([mean, beside], 1)).squeeze(1)
        return functional.binary_cross_entropy_with_logits(said, labelled)

    def _move(self, which: int, loss: Tensor, number: int) -> None:
        if not bool(torch.isfinite(loss)):
            raise SeglensError(
                f"companion '{self.net.kind}': the loss is {loss.item()} at its step {number}; lower lr (now "
                f"{self.params.lr:g})"
            )
        self.net.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimisers[which].step()

    def state_dict(self) -> dict[str, Any]:
        """Weights and both optimisers."""
        return {"net": self.net.state_dict(), "optimisers": [o.state_dict() for o in self.optimisers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        self.net.load_state_dict(state["net"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
