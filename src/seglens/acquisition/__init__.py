"""What to ask next: narrow, score, cut, pick and settle. Importing it registers every part."""

from seglens.acquisition import cut, narrow, pick, score, settle

__all__ = ["cut", "narrow", "pick", "score", "settle"]
