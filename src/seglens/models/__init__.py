"""Networks, their weights and checkpoints, and the cache of a fixed encoder's features."""

from seglens.models.checkpoint import load_checkpoint, load_member, save_checkpoint, save_member
from seglens.models.committee import Committee, Heads, Snapshots
from seglens.models.difficulty import DifficultyNet
from seglens.models.features import FeatureCache
from seglens.models.images import load_image
from seglens.models.loss_head import LossHead
from seglens.models.network import SegNet, build_network
from seglens.models.onnx_file import export_onnx
from seglens.models.vae import TaVaalNet, VaalNet

__all__ = [
    "Committee",
    "DifficultyNet",
    "FeatureCache",
    "Heads",
    "LossHead",
    "SegNet",
    "Snapshots",
    "TaVaalNet",
    "VaalNet",
    "build_network",
    "export_onnx",
    "load_checkpoint",
    "load_image",
    "load_member",
    "save_checkpoint",
    "save_member",
]
