"""What trains beside the model, one part a file. Importing this room registers them."""

from seglens.training.companions import ema_teacher as _ema_teacher
from seglens.training.companions import loss_head as _loss_head

_REGISTERED = (_ema_teacher, _loss_head)
