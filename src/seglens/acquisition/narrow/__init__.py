"""Which images are worth a look?"""

from seglens.acquisition.narrow.random_subset import RandomSubset

__all__ = ["RandomSubset"]
