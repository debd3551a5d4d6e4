"""Classes that a pipeline names: from a file beside it (``my.py:MyStrategy``), or of what is installed."""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import attrs

from quantsail_framework.component import LOCAL_CODE, LOCAL_MODULE
from quantsail_framework.config.wording import did_you_mean, first_line
from quantsail_framework.errors import PluginError

_LOCAL = re.compile(r"(.+\.py):(\w+)")
REFERENCE = r"^.+:\w+$"


@attrs.frozen
class ClassReference:
    """An option that names a class: ``my.py:MyClass`` in the pipeline's folder, or ``package.module:MyClass``.

    ``folder`` is the folder that a file must be in; loading a pipeline sets it to that of the file which names the
    class. Holding one imports nothing.
    """

    text: str
    folder: Path = attrs.field(factory=Path)

    def __attrs_post_init__(self) -> None:
        if not re.match(REFERENCE, self.text):
            raise ValueError(f"must look like 'my.py:MyClass' or 'package.module:MyClass', got {self.text!r}")

    def load(self) -> type[Any]:
        """The class. Raises PluginError saying what is wrong with its file, its module or its name."""
        return load_local(self.text, self.folder) if is_local(self.text) else _installed(self.text)

    def __str__(self) -> str:
        return self.text


def is_local(use: str) -> bool:
    """Whether ``use`` names a class in a file and not an installed component."""
    return ".py:" in use or use.endswith(".py")


def load_local(use: str, folder: Path) -> type[Any]:
    """The class that ``use`` names, from a file inside ``folder``. Raises PluginError saying what is wrong.

    The file runs under a private module name made of its place and content, and its folder does not
    join the import path: no other code can import it by accident, nor two files of one name collide.
    """
    match = _LOCAL.fullmatch(use)
    if match is None:
        raise PluginError(f"{use!r} must look like 'my.py:MyStrategy'")
    return _class_of(_module(match[1], folder), match[2], match[1])


def local_code(parts: Iterable[object]) -> dict[str, str]:
    """The local files that these components and what they hold come from, each with its SHA-256 (hex)."""
    found: dict[str, str] = {}
    for part in parts:
        cls = part.load() if isinstance(part, ClassReference) and is_local(part.text) else type(part)
        if cls.__module__.startswith(LOCAL_MODULE):
            name, digest = vars(sys.modules[cls.__module__])[LOCAL_CODE]
            found[name] = digest
        if isinstance(part, Mapping):
            found |= local_code(part.values())
        elif isinstance(part, tuple | list):
            found |= local_code(part)
        elif attrs.has(kind := type(part)):
            found |= local_code(getattr(part, field.name) for field in attrs.fields(kind))
    return dict(sorted(found.items()))


def _installed(text: str) -> type[Any]:
    place, _, name = text.rpartition(":")
    try:
        module = importlib.import_module(place)
    except (Exception, SystemExit) as error:  # whatever the module does while it is imported
        raise PluginError(f"{place} cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    return _class_of(module, name, place)


def _class_of(module: types.ModuleType, name: str, place: str) -> type[Any]:
    found = getattr(module, name, None)
    if isinstance(found, type):
        return found
    classes = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    has = f"; it has {', '.join(classes)}" if classes else "; it has none"
    raise PluginError(f"{place} has no class {name}{did_you_mean(name, classes, has)}")


def _module(text: str, folder: Path) -> types.ModuleType:
    path = _inside(text, folder)
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise PluginError(f"there is no file {text} beside the pipeline; its folder is {folder}") from None
    except OSError as error:
        raise PluginError(f"{text} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:12]
    name = f"{LOCAL_MODULE}{path.stem}_{digest}"
    return sys.modules.get(name) or _run(name, path, source, text)


def _inside(text: str, folder: Path) -> Path:
    given = text.replace("\\", "/")
    path = (folder / given).resolve()
    absolute = PurePosixPath(given).is_absolute() or PureWindowsPath(given).is_absolute()
    if absolute or not path.is_relative_to(folder.resolve()):
        raise PluginError(f"{text} is outside the pipeline's folder; a local class must be in it or in a folder below")
    return path


def _run(name: str, path: Path, source: bytes, text: str) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__file__ = str(path)
    vars(module)[LOCAL_CODE] = (text, hashlib.sha256(source).hexdigest())
    sys.modules[name] = module  # attrs looks it up there to resolve the types of options
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 - the file that the pipeline names
    except SyntaxError as error:
        del sys.modules[name]
        raise PluginError(f"{text}:{error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:  # whatever the user's file does while it is imported
        del sys.modules[name]
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise PluginError(f"{text}:{_line(error, path)}: {reason}{_remedy(error, path)}") from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _line(error: BaseException, path: Path) -> int:
    """The last line of the file that was running."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _remedy(error: BaseException, path: Path) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (path.parent / f"{missing}.py").is_file():
        return "; a local file can import installed packages, not files beside it"
    return ""
