"""The lazy evidence of a batch."""

from seglens.evidence.net import NetEvidence

__all__ = ["NetEvidence"]
