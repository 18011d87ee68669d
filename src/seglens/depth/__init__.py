"""Where proximity comes from: the depth sources, by name in ``seglens.registry.depths``."""

from seglens.depth.exact import Exact
from seglens.depth.files import Files
from seglens.depth.ground import Ground
from seglens.depth.pretrained import Pretrained
from seglens.depth.ramp import Ramp

__all__ = ["Exact", "Files", "Ground", "Pretrained", "Ramp"]
