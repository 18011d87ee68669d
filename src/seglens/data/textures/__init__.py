"""A seeded generator of surfaces whose texture alone tells them apart."""

from __future__ import annotations

from seglens.data.textures.dataset import TEXTURES, Textures, TexturesLabels, TexturesParams

__all__ = ["TEXTURES", "Textures", "TexturesLabels", "TexturesParams"]
