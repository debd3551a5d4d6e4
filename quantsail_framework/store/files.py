"""Replacing a file as a whole: readers see the old one or the new one, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from quantsail_framework.errors import DataError

PARTIAL = ".partial"
_OLD_S = 3_600.0


def replace(path: Path, write: Callable[[BinaryIO], object], *, durable: bool = True) -> None:
    """Let ``write`` fill a temporary file, then give it the name ``path``.

    ``durable`` waits until the disk has it. Raises DataError where the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        try:
            with temporary.open("wb") as file:
                write(file)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
            if durable:
                _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Have the disk know the new name. Windows keeps no folders open, and does without."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a kill left long ago."""
    for path in folder.glob(f".*{PARTIAL}"):
        if path.stat().st_mtime < time.time() - _OLD_S:
            path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make the folder and those above it. Raises DataError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> DataError:
    """The error to raise for what the operating system refuses."""
    return DataError(f"{path}: cannot be written ({error.strerror}); make room for it, or name another folder")


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """``value`` as a JSON file."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    replace(path, lambda file: file.write(text.encode()), durable=durable)


def read_json(path: Path) -> Any:
    """What the JSON file holds; None where there is none. Raises DataError for one that is broken."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable JSON ({error}); remove the file and fetch again") from None
