"""Where the stream runs. An engine is given a callable and knows no part."""

from seglens.engines.local import LocalEngine
from seglens.engines.ray import RayEngine

__all__ = ["LocalEngine", "RayEngine"]
