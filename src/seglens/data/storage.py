"""Files in object storage by URL (s3, gs, ...), read through fsspec: listed once, tried again, kept on disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, InstanceOf

from seglens.data.errors import UnreadableError
from seglens.data.object_cache import cache
from seglens.types import SeglensError

ATTEMPTS = 3
"""How often an object is asked for; the backend's own repeats come on top of it."""
SECONDS = 120.0
"""How long one attempt may take in all."""
_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated", "created")


# -- asking -------------------------------------------------------------------------------------------------------
def filesystem(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. Endpoint and credentials are fsspec's own business.

    Raises:
        SeglensError: a protocol that nobody knows, or whose package is not there.
    """
    import fsspec  # local files need none of it

    try:
        found: tuple[Any, str] = fsspec.url_to_fs(url)
    except ImportError as error:
        raise SeglensError(f"{url}: {error}. For s3: pip install 'seglens[storage]'") from None
    except ValueError as error:
        raise SeglensError(f"{url}: {error}") from None
    return found


def ask(url: str, method: str, *more: Any, whole: bool = True, **values: Any) -> Any:
    """Call a method of the URL's file system on it; what fails by chance is tried again.

    Args:
        url: of an object or prefix.
        method: of fsspec: ``cat_file``, ``find``, ``info``, ...
        more: further arguments, after the path.
        whole: an attempt may take SECONDS in all; else each of its responses what the backend waits for one.
        values: further arguments by name.

    Raises:
        FileNotFoundError: there is nothing.
        UnreadableError: no access, or every attempt failed; it names the URL and the last error.
    """
    from fsspec.asyn import sync

    system, path = filesystem(url)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            system.invalidate_cache(path)  # what the bucket holds now, not what it held
            if system.async_impl:
                timeout = SECONDS if whole else None
                return sync(system.loop, getattr(system, f"_{method}"), path, *more, timeout=timeout, **values)
            return getattr(system, method)(path, *more, **values)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise UnreadableError(f"{url}: no access: {error}") from None
        except Exception as error:  # of aiohttp, botocore, gcsfs, ...: they share no base; told in the end
            if attempt == ATTEMPTS:
                said = str(error) or type(error).__name__
                raise UnreadableError(f"{url}: storage failed {ATTEMPTS} times, the last time with: {said}") from None
            time.sleep(2.0 ** (attempt - 1))
    raise AssertionError("unreachable")


# -- objects as paths ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Tree:
    """What lies below a URL, listed when first asked and never again: a dataset made anew lists anew."""

    url: str

    @cached_property
    def objects(self) -> dict[str, tuple[int, str]]:
        """Size in bytes and stamp (the ETag, or the time of change) of each object, by its key below the URL."""
        system, root = filesystem(self.url)
        root = root.rstrip("/")
        try:
            found = ask(self.url, "find", whole=False, detail=True)
        except FileNotFoundError:
            return {}
        system.invalidate_cache()  # it would hold the listing, too
        return {
            name.removeprefix(root).strip("/"): (int(info["size"]), _stamp(info))
            for name, info in found.items()
            if info["type"] == "file" and not name.endswith("/")
        }

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every prefix that holds an object; the URL itself is ``.``."""
        return frozenset(str(folder) for key in self.objects if key for folder in PurePosixPath(key).parents)


def _stamp(info: dict[str, Any]) -> str:
    return str(next((info[key] for key in _STAMPS if info.get(key)), ""))


@dataclass(frozen=True)
class Remote:
    """An object or a prefix in storage, with those of pathlib's words that datasets use."""

    tree: Tree = field(repr=False)
    key: str = ""

    def __str__(self) -> str:
        return f"{self.tree.url}/{self.key}" if self.key else self.tree.url

    def __truediv__(self, name: str) -> Remote:
        return Remote(self.tree, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """What stands behind the last ``/``."""
        return PurePosixPath(str(self)).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(str(self)).stem

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        return PurePosixPath(str(self)).suffix

    @property
    def parent(self) -> Remote:
        """The prefix it lies in."""
        return Remote(self.tree, self.key.rpartition("/")[0])

    @property
    def stamp(self) -> str:
        """Changes with the object.

        Raises:
            UnreadableError: there is none.
        """
        return "\0".join(map(str, self._facts))

    @property
    def size(self) -> int:
        """Bytes."""
        return self._facts[0]

    @property
    def _facts(self) -> tuple[int, str]:
        if self.key not in self.tree.objects:
            raise UnreadableError(f"{self}: no such file")
        return self.tree.objects[self.key]

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return self.key in self.tree.objects

    def is_dir(self) -> bool:
        """Whether objects lie below it."""
        return (self.key or ".") in self.tree.folders

    def resolve(self) -> Remote:
        """Itself: there are no links."""
        return self

    def iterdir(self) -> Iterator[Remote]:
        """The objects right below it."""
        return self.glob("*")

    def rglob(self, pattern: str) -> Iterator[Remote]:
        """The objects anywhere below it whose name matches."""
        return (path for path in self._below() if PurePosixPath(path.key).match(pattern))

    def glob(self, pattern: str) -> Iterator[Remote]:
        """The objects below it whose path matches, folder by folder."""
        depth = self.key.count("/") + bool(self.key) + pattern.count("/")
        return (path for path in self.rglob(pattern) if path.key.count("/") == depth)

    def _below(self) -> Iterator[Remote]:
        start = f"{self.key}/" if self.key else ""
        return (Remote(self.tree, key) for key in self.tree.objects if key and key.startswith(start))

    def read_bytes(self) -> bytes:
        """The whole object: from the cache, if it has not changed since, else from storage.

        Raises:
            UnreadableError: it is not there, or cannot be read.
        """
        kept = cache()
        name = hashlib.sha256(f"{self}\0{self.stamp}".encode()).hexdigest()
        data = kept.get(name)
        if data is None:
            try:
                data = ask(str(self), "cat_file")
                # what was changed since it was listed must not be kept under the stamp of what it was
                same = kept.max_bytes > 0 and self._is(data)
            except FileNotFoundError:
                raise UnreadableError(f"{self}: no such file") from None
            if same and len(data) == self.size:
                kept.put(name, data)
        assert isinstance(data, bytes)
        return data

    def _is(self, data: bytes) -> bool:
        """Whether ``data`` is what was listed: by its ETag where that is a digest, else storage is asked again."""
        stamp = self._facts[1]
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return digest == stamp.strip('"') or _stamp(ask(str(self), "info")) == stamp

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object as text."""
        return self.read_bytes().decode(encoding)


Place: TypeAlias = Path | Remote
"""Where a file or folder lies."""
AnyPlace = TypeVar("AnyPlace", Path, Remote, Path | Remote)


def place(text: str) -> Place:
    """What a user wrote: a path, or a URL (``s3://bucket/prefix``); ``file://`` is a path.

    Example:
        >>> [str(place(text)) for text in ("file:///data/a", "s3://bucket/a/", "a/b")]
        ['/data/a', 's3://bucket/a', 'a/b']
    """
    protocol, url, rest = text.partition("://")
    if not url:
        return Path(text)
    return Path(rest) if protocol == "file" else Remote(Tree(text.rstrip("/")))


PlaceField = Annotated[
    Path | InstanceOf[Remote], BeforeValidator(lambda value: place(value) if isinstance(value, str) else value)
]
"""A key of a dataset that takes a path or a URL."""


def inside(path: Place, root: Place) -> PurePosixPath | None:
    """Where ``path`` lies below ``root``; None where it does not."""
    if isinstance(path, Path) and isinstance(root, Path):
        return PurePosixPath(path.relative_to(root)) if path.is_relative_to(root) else None
    start = f"{root}/"
    return PurePosixPath(str(path).removeprefix(start)) if str(path).startswith(start) else None


def length(path: Place) -> int:
    """Bytes of a file."""
    return path.stat().st_size if isinstance(path, Path) else path.size


def parts(path: Place) -> tuple[str, ...]:
    """Sorts local files and objects alike, folder by folder."""
    return path.parts if isinstance(path, Path) else tuple(path.key.split("/"))
