"""What becomes a label?"""

from seglens.acquisition.settle.as_answered import AsAnswered
from seglens.acquisition.settle.contextual import Contextual
from seglens.acquisition.settle.dice_gate import DiceGate
from seglens.acquisition.settle.grown import Grown
from seglens.acquisition.settle.sieve import Sieve
from seglens.acquisition.settle.trimmed import Trimmed

__all__ = ["AsAnswered", "Contextual", "DiceGate", "Grown", "Sieve", "Trimmed"]
