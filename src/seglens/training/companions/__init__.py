"""What trains beside the model, one part a file. Importing this room registers them."""

from seglens.training.companions import difficulty as _difficulty
from seglens.training.companions import ema_teacher as _ema_teacher
from seglens.training.companions import loss_head as _loss_head
from seglens.training.companions import ta_vaal as _ta_vaal
from seglens.training.companions import vaal as _vaal

_REGISTERED = (_difficulty, _ema_teacher, _loss_head, _ta_vaal, _vaal)
