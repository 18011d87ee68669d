"""Who answers? Importing it registers every oracle."""

from seglens.oracles.cost import Seconds, estimate, estimate_rows
from seglens.oracles.human import HumanOracle
from seglens.oracles.machine import Machine
from seglens.oracles.noisy import Noisy
from seglens.oracles.simulated import Simulated

__all__ = ["HumanOracle", "Machine", "Noisy", "Seconds", "Simulated", "estimate", "estimate_rows"]
