"""Archives as other tools hand them out, unpacked with care into a folder that goes away again."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seglens.bridges.album import refuse_paths
from seglens.types import SeglensError

LARGEST = 2**33
"""Bytes that an archive may have unpacked."""
READ = frozenset({".xml", ".json", ".txt", ".yaml", ".png"})
"""Endings of the files that are unpacked: no format reads any other."""


@contextmanager
def unpacked(place: Path) -> Iterator[Path]:
    """A zip file as a folder; anything else as it is.

    Where the archive holds nothing but one folder, that folder. Errors name the archive.

    Raises:
        SeglensError: a damaged archive, one larger than 8 GiB unpacked, or a name in it that leads out of its folder.
    """
    if not (place.is_file() and place.suffix.lower() == ".zip"):
        yield place
        return
    with TemporaryDirectory(prefix="seglens-") as temporary:
        folder = Path(temporary)
        _unpack(place, folder)
        entries = list(folder.iterdir())
        try:
            yield entries[0] if len(entries) == 1 and entries[0].is_dir() else folder
        except SeglensError as error:
            raise SeglensError(str(error).replace(temporary, str(place))) from None


def _unpack(place: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(place) as archive:
            wanted = [info for info in archive.infolist() if Path(info.filename).suffix.lower() in READ]
            for info in wanted:
                refuse_paths(info.filename, str(place))
            total = sum(info.file_size for info in wanted)
            if total > LARGEST:
                raise SeglensError(f"{place}: {total} bytes unpacked; at most {LARGEST} are")
            archive.extractall(folder, wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise SeglensError(f"{place}: damaged archive, or one of an unknown kind: {error}") from None
