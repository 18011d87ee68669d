"""The ``textures`` dataset: surfaces generated on the fly that only their texture tells apart."""

from __future__ import annotations

from functools import cache

from seglens.data.generated import GeneratedImages, GeneratedLabels, GeneratedParams, Scenes, source_digest
from seglens.data.textures.frame import Frame, draw
from seglens.data.textures.surfaces import TEXTURES
from seglens.registry import datasets

__all__ = ["TEXTURES", "Textures", "TexturesLabels", "TexturesParams"]


@cache
def _look() -> str:
    return source_digest(__package__)


class TexturesParams(GeneratedParams):
    """Which surfaces to draw."""


def _scenes(params: TexturesParams) -> Scenes[Frame]:
    return Scenes("textures", params, draw)


@datasets.register("textures")
class Textures(GeneratedImages[Frame]):
    """Nine textures in irregular patches and thin bands, two of them rare; their colours are the same.

    An image is a function of the parameters and its id alone. Nothing here was used to choose a default.
    """

    Params = TexturesParams

    def __init__(self, params: TexturesParams) -> None:
        super().__init__(TEXTURES, _scenes(params), _look())

    @classmethod
    def labels(cls, params: TexturesParams) -> TexturesLabels:
        """The exact truth of the same images."""
        return TexturesLabels(params)


class TexturesLabels(GeneratedLabels[Frame]):
    """The truth of generated textures."""

    def __init__(self, params: TexturesParams) -> None:
        super().__init__(_scenes(params))
