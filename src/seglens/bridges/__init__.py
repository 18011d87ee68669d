"""Masks in and out: other tools' files, written from a run's labels and read as answers to its questions."""

from seglens.bridges.album import Album, Masks
from seglens.bridges.exchange import Imported, export_masks, import_masks, read_masks, store
from seglens.bridges.formats import FORMATS, Format, format_named
from seglens.bridges.pictures import Beside

__all__ = [
    "FORMATS",
    "Album",
    "Beside",
    "Format",
    "Imported",
    "Masks",
    "export_masks",
    "format_named",
    "import_masks",
    "read_masks",
    "store",
]
