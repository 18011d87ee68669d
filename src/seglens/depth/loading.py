"""Depth networks of the transformers library: loaded from a folder or the hub, or one clear error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import torch

from seglens.depth.networks import DepthNet, Kind
from seglens.types import SeglensError

WEIGHTS = ("*.safetensors", "*.bin")
METRIC = frozenset({"zoedepth", "glpn"})
"""Architectures that give metres whatever they were trained on."""
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
INSTALL = "depth 'pretrained' needs the extra 'depth': pip install 'seglens[depth]' (it brings transformers)"


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
        processor = AutoImageProcessor.from_pretrained(name)
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
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


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
