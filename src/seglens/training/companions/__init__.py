"""What trains beside the model, one part a file. Importing this room registers them."""

from seglens.training.companions import confident as _confident
from seglens.training.companions import consistency as _consistency
from seglens.training.companions import difficulty as _difficulty
from seglens.training.companions import ema_teacher as _ema_teacher
from seglens.training.companions import heads as _heads
from seglens.training.companions import loss_head as _loss_head
from seglens.training.companions import mean_teacher as _mean_teacher
from seglens.training.companions import prototypical as _prototypical
from seglens.training.companions import snapshots as _snapshots
from seglens.training.companions import ta_vaal as _ta_vaal
from seglens.training.companions import vaal as _vaal

_REGISTERED = (
    _confident,
    _consistency,
    _difficulty,
    _ema_teacher,
    _heads,
    _loss_head,
    _mean_teacher,
    _prototypical,
    _snapshots,
    _ta_vaal,
    _vaal,
)
