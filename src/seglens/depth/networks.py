"""Depth networks of the transformers library: loaded, asked, and read the right way round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from seglens.types import ByteArray, SeglensError, Size

Kind: TypeAlias = Literal["inverse", "metres"]

BOUND = 392
"""Rows that a processor which does not resize may pass on (28 patches of 14); higher images are made smaller."""
MULTIPLE = 32
"""What sides are rounded to where the processor names nothing: fits every backbone of DPT."""
WEIGHTS = ("*.safetensors", "*.bin")
METRIC = frozenset({"zoedepth", "glpn"})
"""Architectures that give metres whatever they were trained on."""
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
INSTALL = "depth 'pretrained' needs the extra 'depth': pip install 'seglens[depth]' (it brings transformers)"


@dataclass(frozen=True)
class DepthNet:
    """A depth network with its processor.

    Args:
        model: a depth estimator of transformers, in eval mode.
        processor: its image processor.
        kind: what it gives: ``inverse`` (relative, large = near) or ``metres``.
    """

    model: Any
    processor: Any
    kind: Kind

    def depth(self, image: ByteArray, height: int | None = None) -> Tensor:
        """Depth of one image, as the network gives it.

        Args:
            image: (H, W, 3) uint8 RGB.
            height: rows of the network's input; None = as the processor says.

        Returns:
            (1, h, w) float32, at the size the processor resized to; what it padded is cut off.
        """
        pixels = self.processor(images=image, return_tensors="pt", **self._settings(image, height))["pixel_values"]
        size: Size = (pixels.shape[-2], pixels.shape[-1])
        padding = self._padding(size)
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            found = self.model(pixel_values=F.pad(pixels, padding).to(device)).predicted_depth.float().cpu()
        left, _, top, _ = padding
        whole = size[0] + padding[2] + padding[3], size[1] + padding[0] + padding[1]
        full = F.interpolate(found[:, None], whole, mode="bilinear", align_corners=False)[:, 0]
        return full[:, top : top + size[0], left : left + size[1]].clone()

    def _settings(self, image: ByteArray, height: int | None) -> dict[str, Any]:
        """What is asked of the processor beyond its own settings."""
        settings: dict[str, Any] = {"do_pad": False} if self._pads else {}
        size = self._size((image.shape[0], image.shape[1]), height)
        if size is None:
            return settings
        own = {"keep_aspect_ratio": False, "ensure_multiple_of": 1}
        known = {key: value for key, value in own.items() if hasattr(self.processor, key)}
        return {**settings, **known, "do_resize": True, "size": {"height": size[0], "width": size[1]}}

    def _size(self, native: Size, height: int | None) -> Size | None:
        """The input size (h, w) for an image of ``native`` size; None = the processor's own.

        DPT on its own vision transformer takes square images only, the hybrid one of a single size.

        Raises:
            SeglensError: a height that the hybrid network does not take.
        """
        config = self.model.config
        if getattr(config, "is_hybrid", False):
            if height not in (None, config.image_size):
                raise SeglensError(
                    f"depth 'pretrained': height {height}, but this network takes {config.image_size} and nothing else"
                )
            return config.image_size, config.image_size
        if height is None and not self.processor.do_resize and native[0] > BOUND:
            height = BOUND
        square = config.model_type == "dpt" and config.backbone_config is None
        if height is None and not square:
            return None
        height = height or config.image_size
        sides = (height, height if square else native[1] * height / native[0])
        rows, columns = (max(round(side / self._step), 1) * self._step for side in sides)
        return rows, columns

    def _padding(self, size: Size) -> tuple[int, int, int, int]:
        """Left, right, top, bottom: to the processor's multiple, centred as its own padding is."""
        if not self._pads:
            return 0, 0, 0, 0
        rows, columns = (-side % self.processor.size_divisor for side in size)
        return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2

    @property
    def _pads(self) -> bool:
        return bool(getattr(self.processor, "do_pad", False) and getattr(self.processor, "size_divisor", None))

    @property
    def _step(self) -> int:
        named = [getattr(self.processor, key, None) or 1 for key in ("size_divisor", "ensure_multiple_of")]
        return max(named) if max(named) > 1 else MULTIPLE


def load_depth_net(name: str, kind: Literal["auto", "inverse", "metres"] = "auto") -> DepthNet:
    """A depth network from a local folder, or from the hub by its id.

    Args:
        name: a folder with config.json, weights and preprocessor_config.json, or a model id (``Intel/dpt-large``).
        kind: what it gives; ``auto`` = told from its architecture.

    Raises:
        SeglensError: transformers is not installed; no such folder or one that lacks a file; a hub out of reach; no
            depth estimator; weights that do not fit; a kind that cannot be told.
    """
    try:
        from safetensors import SafetensorError
        from transformers import AutoConfig, AutoImageProcessor, AutoModelForDepthEstimation
    except ImportError:
        raise SeglensError(INSTALL) from None
    local = check_folder(name)
    try:
        config = AutoConfig.from_pretrained(name)
        sign = kind if kind != "auto" else kind_of(config, name)
        processor = AutoImageProcessor.from_pretrained(name)  # type: ignore[no-untyped-call]
        with _quietly():
            model, report = AutoModelForDepthEstimation.from_pretrained(name, output_loading_info=True)
    except ValueError as error:
        raise SeglensError(
            f"depth 'pretrained': '{name}' is no depth estimator that transformers knows ({_short(error)}). Allowed: "
            "DPT (MiDaS), DPT on DINOv2, Depth Anything, and others of AutoModelForDepthEstimation"
        ) from None
    except (OSError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise _unloadable(name, local, error) from None
    _check_weights(name, report["missing_keys"], len(model.state_dict()))
    model.eval().requires_grad_(False)
    return DepthNet(model.to("cuda" if torch.cuda.is_available() else "cpu"), processor, sign)


def kind_of(config: Any, name: str) -> Kind:
    """What a network gives, told from its configuration.

    DPT gives relative inverse depth as MiDaS trained it, and metres on a DINOv2 backbone (KITTI, NYU). Depth Anything
    says in its configuration which of the two it is.

    Raises:
        SeglensError: another architecture.
    """
    backbone = getattr(getattr(config, "backbone_config", None), "model_type", "")
    if config.model_type == "dpt":
        return "metres" if backbone.startswith("dinov2") else "inverse"
    if config.model_type == "depth_anything":
        return "metres" if config.depth_estimation_type == "metric" else "inverse"
    if config.model_type in METRIC:
        return "metres"
    raise SeglensError(
        f"depth 'pretrained': whether '{name}' ({config.model_type}) gives metres or inverse depth is not known; say "
        "it with kind: metres or kind: inverse"
    )


def check_folder(name: str) -> bool:
    """Whether ``name`` is a local folder, with everything in it.

    Raises:
        SeglensError: a folder that lacks something, or neither a folder nor a model id.
    """
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists() or not HUB_ID.fullmatch(name):
            raise SeglensError(
                f"depth 'pretrained': model '{name}' is neither a folder nor a model id such as Intel/dpt-hybrid-midas"
            )
        return False
    for file in ("config.json", "preprocessor_config.json"):
        if not (folder / file).is_file():
            raise SeglensError(f"{folder}: a depth model without {file}; save model and image processor there")
    if not any(path.is_file() for pattern in WEIGHTS for path in folder.glob(pattern)):
        raise SeglensError(f"{folder}: a depth model without weights; a {' or '.join(WEIGHTS)} file belongs there")
    return True


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the progress bars of transformers, which would break into ours."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _check_weights(name: str, missing: Any, count: int) -> None:
    """A few weights that no forward pass uses are missing in real checkpoints; a head, or many, are not."""
    head = sorted(key for key in missing if key.startswith("head."))
    if head or len(missing) > count / 10:
        some = ", ".join((head or sorted(missing))[:3])
        raise SeglensError(
            f"depth 'pretrained': the weights of '{name}' do not fit its config.json: {len(missing)} of {count} are "
            f"missing ({some}, ...); is it a depth estimator's checkpoint?"
        )


def _unloadable(name: str, local: bool, error: Exception) -> SeglensError:
    if local:
        return SeglensError(f"{name}: the depth model cannot be loaded: {_short(error)}")
    return SeglensError(
        f"depth 'pretrained': '{name}' cannot be had from the model hub ({_short(error)}). Without network: save it "
        "into a folder where there is one, and give that folder as model"
    )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
