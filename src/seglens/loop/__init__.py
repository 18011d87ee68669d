"""The loop: the state machine, its stages, budgets."""

from seglens.loop.growth import add_images
from seglens.loop.machine import Outcome, State, create, drive, load_config
from seglens.loop.outlay import Outlay, foresee
from seglens.loop.push import pull, push
from seglens.loop.retrain import retrain
from seglens.loop.stages import model_path
from seglens.loop.workbench import Workbench

__all__ = [
    "add_images",
    "Outcome",
    "Outlay",
    "State",
    "Workbench",
    "create",
    "drive",
    "foresee",
    "load_config",
    "model_path",
    "pull",
    "push",
    "retrain",
]
