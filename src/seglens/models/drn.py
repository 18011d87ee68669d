"""DRN-D-22: a residual network that keeps stride 8 by dilation, as an encoder."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

CHANNELS = (16, 32, 64, 128, 256, 512, 512, 512)
"""Of the eight levels."""


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut, projected where the shape changes.

    Args:
        inputs: channels.
        outputs: channels.
        stride: of the first convolution.
        dilation: of both.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride, dilation=dilation)
        self.second = convolution(outputs, outputs, dilation=dilation)[:2]
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride)[:2]
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, h / stride, w / stride)."""
        out: Tensor = self.relu(self.second(self.first(x)) + self.shortcut(x))
        return out


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    pad = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, dilation, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class DrnD22(nn.Module):
    """Dilated residual network D-22 without its classifier, at output stride 8.

    A 7x7 convolution, then eight levels: two of a plain convolution (strides 1, 2; no pooling), four of two residual
    blocks (strides 2, 2, then dilations 2, 4), and two of a plain convolution (dilations 2, 1), which take the gridding
    of the dilated ones away and so have no shortcut.

    Reference:
        Yu, Koltun, Funkhouser, Dilated residual networks, CVPR 2017, sections 2 and 4.
    """

    output_stride = 8
    ends = (2, 3, 4, 5, 8)
    """The levels that end the five stages, which come behind the images, as in segmentation-models-pytorch."""

    def __init__(self) -> None:
        super().__init__()
        w = CHANNELS
        self.levels = nn.ModuleList(
            [
                convolution(3, w[0], 7),
                convolution(w[0], w[0]),
                convolution(w[0], w[1], stride=2),
                residuals(w[1], w[2], stride=2),
                residuals(w[2], w[3], stride=2),
                residuals(w[3], w[4], dilation=2),
                residuals(w[4], w[5], dilation=4),
                convolution(w[5], w[6], dilation=2),
                convolution(w[6], w[7]),
            ]
        )
        self.out_channels: Sequence[int] = [3, *(w[end - 1] for end in self.ends)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The images and the five stages, at strides 1, 2, 4, 8, 8, 8."""
        found = [x]
        for number, level in enumerate(self.levels):
            x = level(x)
            if number in self.ends:
                found.append(x)
        return found


def residuals(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A level of two residual blocks."""
    return nn.Sequential(Residual(inputs, outputs, stride, dilation), Residual(outputs, outputs, 1, dilation))
