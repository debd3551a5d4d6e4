"""Reading a pipeline file and those it extends: text to values with their lines, or an error that names the place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from quantsail_framework.config.positions import Key, key_lines
from quantsail_framework.config.tree import Place, Tree
from quantsail_framework.config.wording import describe
from quantsail_framework.errors import PipelineError


def read_tree(path: Path, chain: tuple[Path, ...] = ()) -> Tree:
    """The values of ``path`` over those of the files it extends; a later one wins over an earlier.

    ``chain`` are the files on the way here, to notice a circle. Raises PipelineError.
    """
    text = read_text(path)
    values, lines = _parse(path, text)
    folder = path.absolute().parent
    places: dict[Key, Place] = {(): Place(str(path), str(path), folder)}
    for key, line in lines.items():
        places[key] = Place(f"{path}:{line}", f"{path}:{line}", folder, line)
    own = Tree(values, places)
    bases = _bases(own)
    if not bases:
        return own
    chain = (*chain, path.resolve())
    merged = Tree({}, {(): places[()]})
    for base in bases:
        merged.overlay(_read_base(own, path.parent / base, chain))
    merged.overlay(own)
    return merged


def read_text(path: Path) -> str:
    """The text of a pipeline file. Raises PipelineError with the remedy when it cannot be read."""
    try:
        if not path.is_dir():
            return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        problem = "is a folder, not a pipeline file"
    except FileNotFoundError:
        problem = "no such file; `quantsail init` writes a starter pipeline"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}; save it as UTF-8"
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise PipelineError([f"{path}: {problem}"])


def _parse(path: Path, text: str) -> tuple[dict[str, Any], dict[Key, int]]:
    try:
        return tomllib.loads(text), key_lines(text)
    except ValueError as error:  # also a whole number with too many digits
        message = str(error)
    except RecursionError:
        raise PipelineError([f"{path}: is not valid TOML: nested too deeply"]) from None
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found:
        reason = f"{message[: found.start()]} (column {found[2]})"
        raise PipelineError([f"{path}:{found[1]}: is not valid TOML: {_lowered(reason)}"])
    reason = message.replace(" (at end of document)", " at the end of the file")
    raise PipelineError([f"{path}:{text.count(chr(10)) + 1}: is not valid TOML: {_lowered(reason)}"])


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _bases(tree: Tree) -> list[str]:
    given = tree.values.pop("extends", [])
    bases = [given] if isinstance(given, str) else given
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        where = tree.place(("extends",)).where
        raise PipelineError([f"{where}: extends: expects the path of a file or a list of paths, got {describe(given)}"])
    return bases


def _read_base(tree: Tree, base: Path, chain: tuple[Path, ...]) -> Tree:
    where = tree.place(("extends",)).where
    if base.resolve() in chain:
        circle = " -> ".join(path.name for path in (*chain[chain.index(base.resolve()) :], base))
        raise PipelineError([f"{where}: extends: files extend each other in a circle: {circle}"])
    try:
        return read_tree(base, chain)
    except PipelineError as error:
        if base.is_file():
            raise
        raise PipelineError([f"{where}: extends: {error}"]) from error
