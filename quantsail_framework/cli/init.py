"""``quantsail init [FILE]``: a commented starter pipeline that runs as it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from quantsail_framework.errors import InputError

_STARTER = Path(__file__).with_name("starter.toml")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default="pipeline.toml")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def init(file: Path, force: bool) -> None:
    """Write a commented starter pipeline to FILE (default: pipeline.toml).

    It runs as it is, on candles that ship with Quantsail.
    """
    if file.is_dir():
        raise InputError(f"{file} is a folder; name a file, such as {file / 'pipeline.toml'}")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {file.parent}; make it first")
    if not force:
        _refuse_existing(file)
    text = _STARTER.read_text(encoding="utf-8").replace("{file}", str(file))
    _write_whole(file, text, force=force)
    click.echo(f"wrote {file}; run it: quantsail run {file}")


def _refuse_existing(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise InputError(f"{file} exists and stays as it is; name another file, or replace it with --force")


def _write_whole(file: Path, text: str, *, force: bool) -> None:
    """Write beside the file, then rename: whoever looks sees the old state or the whole new file."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o666 & ~_umask())
        if not force:
            _refuse_existing(file)
        Path(name).replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    """The permissions that new files lack; there is no way to read it but to set it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
