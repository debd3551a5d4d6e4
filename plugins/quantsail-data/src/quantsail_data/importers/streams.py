"""Opening files of strangers: plain, gzip or zip, never more than a limit, nothing unpacked to disk."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import attrs

from quantsail_framework.domain.from_file import shown
from quantsail_framework.errors import DataError

# Two GiB of text are 30 million candles. Candles shrink to a third or a tenth; a bomb shrinks to a thousandth.
MAX_BYTES = 2 * 1024**3
MAX_RATIO = 200
_RATIO_COUNTS_FROM = 4 * 1024**2
_MAX_DIRECTORY = 1024**2
_DIRECTORY_END, _ZIP64 = b"PK\x05\x06", b"PK\x06\x07"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAGIC = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip"}


# What the unpackers raise, and for names that are no text.
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)


@attrs.frozen
class Opened:
    """The bytes of a file, or of the one member of a zip; ``name`` is the member's, or the file's own."""

    stream: IO[bytes]
    name: str
    where: str


def packing(path: Path) -> str | None:
    """``"zip"``, ``"gzip"`` or None, by the first bytes."""
    start = first_bytes(path, 4)
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def first_bytes(path: Path, size: int) -> bytes:
    """The beginning of a file. Raises DataError for what is no file, or cannot be read."""
    with guarded(path), path.open("rb") as file:
        return file.read(size)


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what the operating system and the unpackers raise into a DataError that names the file."""
    if path.exists() and not path.is_file():
        raise DataError(f"{shown(path)}: not a file; name the files to import one by one")
    try:
        yield
    except _DAMAGE as error:
        raise DataError(f"{shown(path)}: damaged or cut off ({first_line(error)}); download it again") from None
    except OSError as error:
        if not error.errno:  # Arrow's errors, of files that are not what they begin as
            raise DataError(f"{shown(path)}: damaged or cut off ({first_line(error)}); download it again") from None
        raise DataError(f"{shown(path)}: cannot be read ({os.strerror(error.errno)})") from None


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The unpacked bytes of ``path``, counted while they are read."""
    with guarded(path), ExitStack() as stack:
        kind, size, where = packing(path), path.stat().st_size, str(shown(path))
        name = path.name
        raw: IO[bytes]
        if kind == "zip":
            _check_directory(path, size, where)
            archive = stack.enter_context(zipfile.ZipFile(path))
            member = _the_member(archive, where)
            name = PurePosixPath(member.filename).name
            raw = stack.enter_context(archive.open(member))
        elif kind == "gzip":
            raw = cast("IO[bytes]", stack.enter_context(gzip.open(path)))
            name = name.removesuffix(".gz")
        else:
            raw = stack.enter_context(path.open("rb"))
        counted = _Counted(raw, where, size if kind else None)
        yield Opened(io.BufferedReader(counted, 65_536), name, where)


@contextmanager
def opened_text(path: Path) -> Iterator[tuple[io.TextIOWrapper, Opened]]:
    """The text of ``path``: UTF-8, or UTF-16 where a byte order mark says so."""
    with opened(path) as file:
        start = file.stream.peek(2)[:2]  # type: ignore[attr-defined]
        encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = io.TextIOWrapper(file.stream, encoding, newline="")
        try:
            yield text, file
        except UnicodeDecodeError as error:
            raise DataError(f"{file.where}: not text in {error.encoding}; save it as UTF-8") from None


def _check_directory(path: Path, size: int, where: str) -> None:
    """Raise DataError for a list of members so long that reading it fills the memory, before it is read."""
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
    end = tail.rfind(_DIRECTORY_END)
    length = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if length > _MAX_DIRECTORY or (end >= 20 and tail[end - 20 : end - 16] == _ZIP64):
        raise DataError(f"{where}: a zip with one file is expected, this lists thousands or is of zip64; unpack it")


def _the_member(archive: zipfile.ZipFile, where: str) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        listed = ", ".join(repr(member.filename[:60]) for member in members[:5]) or "none"
        raise DataError(f"{where}: a zip with one file is expected, this holds {len(members)} ({listed}); unpack it")
    member = members[0]
    name = member.filename
    if name.startswith("/") or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
        raise DataError(f"{where}: the zip's file is named {name[:60]!r}, which leads out of its folder; distrust it")
    if member.flag_bits & 1:
        raise DataError(f"{where}: the zip is encrypted; unpack it with its password first")
    if member.compress_type not in _METHODS:
        raise DataError(f"{where}: the zip is packed by method {member.compress_type}; pack it by deflate")
    return member


class _Counted(io.RawIOBase):
    """Counts what is unpacked, and stops at the limits: ``packed`` is the size of a packed file on disk."""

    def __init__(self, raw: IO[bytes], where: str, packed: int | None) -> None:
        super().__init__()
        self._raw, self._where, self._packed, self._count = raw, where, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        if self._count > MAX_BYTES:
            raise DataError(f"{self._where}: more than {MAX_BYTES / 1024**3:g} GiB of text; split it, or use Parquet")
        too_dense = self._packed is not None and self._count > MAX_RATIO * self._packed
        if too_dense and self._count > _RATIO_COUNTS_FROM:
            raise DataError(
                f"{self._where}: unpacks to more than {MAX_RATIO} times its size; candles do not, this is a bomb"
            )
        return len(data)


def first_line(error: Exception) -> str:
    """What a library says of a file, cut to what can be printed on one line."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return "".join(sign if sign.isprintable() else "?" for sign in line[:200])
