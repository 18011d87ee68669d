"""Seglens: active learning for semantic segmentation that shows why it asks."""

__version__ = "0.1.0"
