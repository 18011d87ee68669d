"""Where proximity comes from: the depth sources, by name in ``seglens.registry.depths``."""

from seglens.depth.exact import Exact
from seglens.depth.files import Files
from seglens.depth.ground import Ground
from seglens.depth.pretrained import Pretrained
from seglens.depth.ramp import Ramp

OF_THE_IMAGE = frozenset({"exact", "files", "ground", "ramp"})
"""Sources that are quick enough to be asked where no part of the run needs them."""

__all__ = ["OF_THE_IMAGE", "Exact", "Files", "Ground", "Pretrained", "Ramp"]
