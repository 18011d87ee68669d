"""The decoders: thin doors to those of segmentation-models-pytorch, by name in ``seglens.registry.networks``,
imported when one is built (they take seconds).

A decoder is a module built as ``Decoder(config, channels, strides)`` (of the encoder's stages, stride 1 first) that
maps the list of all stages to (N, out_channels, H / stride, W / stride). It says which ``encoder_strides`` it can read
(the first is asked for) and which ``taps``, and passes the activation of each of its ``activations``, by name, through
a ``watch``: what that returns is what goes on.

``places`` names, for each value of ``model.dropout_at``, where channels are dropped; inside the decoder they go through
a ``drop``, the place ``decoder`` is the network's own. Its ``before`` computes what no dropout inside it touches, its
``after`` the rest and the head, for many passes.
"""

from seglens.models.decoders.deeplab import DeepLab
from seglens.models.decoders.fpn import Fpn
from seglens.models.decoders.hooks import Drop, Scale, Watch, dropout_places, undropped, unwatched
from seglens.models.decoders.segformer import Segformer
from seglens.models.decoders.unet import UNET_WIDTHS, Enlarged, Unet

__all__ = [
    "UNET_WIDTHS",
    "DeepLab",
    "Drop",
    "Enlarged",
    "Fpn",
    "Scale",
    "Segformer",
    "Unet",
    "Watch",
    "dropout_places",
    "undropped",
    "unwatched",
]
