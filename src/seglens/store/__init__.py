"""The store: a run's database and its label files."""

from seglens.store.labels import LabelFiles
from seglens.store.repository import Metric, Repository

__all__ = ["LabelFiles", "Metric", "Repository"]
