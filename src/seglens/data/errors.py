"""What can be wrong with a file of a dataset; ``check`` counts each kind."""

from __future__ import annotations

from seglens.types import SeglensError


class UnreadableError(SeglensError):
    """A file is missing, of no known format, or truncated."""


class MissingMaskError(SeglensError):
    """An image has no mask."""


class MaskSizeError(SeglensError):
    """A mask has another size than its image."""


class UnknownClassError(SeglensError):
    """A mask holds ids that no class has."""
