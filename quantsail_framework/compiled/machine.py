"""Machine code of the compiled loop and of components' compiled forms: made by numba once, kept in a folder, loaded.

numba takes a second and a hundred megabytes to come up, and ten seconds to compile the loop. So what it makes is kept
as object files in the user's cache folder, and a run loads these by llvmlite, which takes a tenth of a second. A file's
name is made of everything that its code depends on.
"""

from __future__ import annotations

import dis
import hashlib
import math
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import CodeType, FunctionType
from typing import Any

from quantsail_framework.errors import ComponentError
from quantsail_framework.installed import version

Kind = str  # costs, size, check or trip: how a component's function is called; loop or kernel: what is no function
_FOLDER = Path(__file__).parent
# What the code of numba calls only where it raises an error or makes a Python object.
_PYTHON = ("Py", "_Py", "numba_", "NRT_")
_FORMAT = "SHA-256, object file"  # of a file; LLVM crashes on what is no object file
_DIGEST = 32  # bytes of the SHA-256
# All machine code depends on these: the shared memory, how functions are called, how code is made.
_LOOP = ("loop.py", "booking.py", "curve.py", "reach.py")
_SHARED = ("layout.py", "entries.py", "machine.py", "../ports/compiled.py")
_OTHERS_WRITE = 0o022


def installed() -> bool:
    """Whether machine code can be loaded here: the extra ``fast`` is there."""
    return _compiler() is not None


@cache
def _compiler() -> str | None:
    """What compiles: the versions that the code depends on."""
    compiler, loader = version("numba"), version("llvmlite")
    return f"numba {compiler} llvmlite {loader}" if compiler and loader else None


class Machine:
    """The machine code that this process has loaded, from ``folder``: that of the user's cache, unless told otherwise.

    With ``make`` its methods compile what is not there yet. Addresses are good as long as it lives.
    """

    def __init__(self, folder: Path | None = None) -> None:
        from llvmlite import binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        self._folder = folder or _cache_folder()
        self._binding = binding
        self._host = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()} {_compiler()}"
        target = binding.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target)
        self._lock = Lock()
        self._addresses: dict[tuple[Kind, Any], int] = {}
        self._loaded: dict[str, int] = {}  # by name: functions that do the same share their code
        self._refused: dict[tuple[Kind, Any], str] = {}

    def loop(self, *, make: bool = False) -> int | None:
        """The address of the loop; None where it is not there."""
        return self._address("loop", None, make)

    def function(self, kind: Kind, function: Any, *, make: bool = False) -> int | None:
        """The address of a component's function; None where it is not there.

        Raises ComponentError for one that cannot be compiled.
        """
        return self._address(kind, function, make)

    def kernel(self, module: str, *, make: bool = False) -> int | None:
        """The address of the function ``kernel`` of a module that has its ``SIGNATURE``; None where it is not there.

        The module is imported only to be compiled, so it may import numba; its code depends on no other module.
        """
        return self._address("kernel", module, make)

    def _address(self, kind: Kind, function: Any, make: bool) -> int | None:
        key = kind, function
        with self._lock:
            if key in self._refused:
                raise ComponentError(self._refused[key])
            if key not in self._addresses:
                try:
                    address = self._find(kind, function, make)
                except ComponentError as error:
                    self._refused[key] = str(error)
                    raise
                if address is None:
                    return None
                self._addresses[key] = address
            return self._addresses[key]

    def _find(self, kind: Kind, function: Any, make: bool) -> int | None:
        name = self._name(kind, _parts(function))
        address = self._loaded.get(name) or self._load(name, kind, function, make)
        if address is not None:
            self._loaded[name] = address
        return address

    def _load(self, name: str, kind: Kind, function: Any, make: bool) -> int | None:
        file = self._folder / f"{name}.o"
        code = _kept(file)
        if code is None and make:
            code = self._object(name, *_compiled(kind, function))
            if code is None:
                raise ComponentError(f"{_whose(function)} cannot be compiled: it may neither raise nor make objects")
            _keep(file, code)
        if code is None:
            return None
        self._engine.add_object_file(self._binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address: int = self._engine.get_function_address(name)
        return address

    def _name(self, kind: Kind, parts: Sequence[str]) -> str:
        of_all = (_FORMAT, kind, self._host, sys.version, *map(_source, _SHARED))
        digest = hashlib.sha256("\0".join((*of_all, *parts)).encode()).hexdigest()
        return f"{kind}-{digest[:32]}"

    def _object(self, name: str, assembly: str, symbol: str) -> bytes | None:
        """The object file of ``assembly``, whose function ``symbol`` becomes ``name``; None where it needs Python."""
        binding = self._binding
        module = binding.parse_assembly(assembly.replace(symbol, name))
        for value in (*module.functions, *module.global_variables):
            if not value.is_declaration and value.name != name:
                value.linkage = "internal"  # so that what the function does not use is dropped
        target = binding.Target.from_default_triple().create_target_machine(
            cpu=binding.get_host_cpu_name(),
            features=binding.get_host_cpu_features().flatten(),
            opt=3,
            codemodel="jitdefault",
            jit=True,
        )
        passes = binding.create_pass_builder(target, binding.create_pipeline_tuning_options(speed_level=3))
        passes.getModulePassManager().run(module, passes)
        needed = [value.name for value in (*module.functions, *module.global_variables) if value.is_declaration]
        if any(foreign.startswith(_PYTHON) for foreign in needed):
            return None
        code: bytes = target.emit_object(module)
        return code


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("quantsail") / "machine-code"


@cache
def _source(file: str) -> str:
    return (_FOLDER / file).read_text(encoding="utf-8")


def _compiled(kind: Kind, function: Any) -> tuple[str, str]:
    """LLVM's assembly of the loop, or of a component's function, and the name of the function there."""
    try:
        from quantsail_framework.compiled import entries

        if function is None:
            return entries.loop()
        return entries.kernel(function) if isinstance(function, str) else entries.component(kind, function)
    except Exception as error:  # of numba, which has no one kind for what it does not take
        raise ComponentError(f"{_whose(function)} cannot be compiled: {type(error).__name__}: {error}") from error


def _parts(function: Any) -> list[str]:
    """What its code is made of: the loop, a module by its name, or a component's function."""
    if function is None:
        return [*map(_source, _LOOP)]
    return [_text_of(function)] if isinstance(function, str) else depends_on(function)


@cache
def _text_of(module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ComponentError(f"{module} cannot be compiled: there is no such file")
    return Path(spec.origin).read_text(encoding="utf-8")


def _whose(function: Any) -> str:
    if function is None:
        return "the loop"
    return function if isinstance(function, str) else f"{function.__module__}:{function.__qualname__}"


def _kept(file: Path) -> bytes | None:
    """What was kept; None for nothing, for a file that is not as it was written, and where others could write."""
    try:
        whole = file.read_bytes() if _is_ours(file.parent) else b""
    except OSError:
        return None
    digest, code = whole[:_DIGEST], whole[_DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def _keep(file: Path, code: bytes) -> None:
    """Whole or not at all, and not where that cannot be, or others could write; two processes may make the same."""
    import tempfile

    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_ours(file.parent):
            return
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as half:
            made = Path(half.name)
            try:
                half.write(hashlib.sha256(code).digest() + code)
                half.close()
                made.replace(file)
            except BaseException:
                made.unlink(missing_ok=True)
                raise


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can put code there, where the system tells."""
    if not hasattr(os, "geteuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def used(function: FunctionType) -> dict[str, Any]:
    """What a function uses from the top of its module, or of Python, by name there."""
    names = {each.argval for each in dis.get_instructions(function.__code__) if each.opname == "LOAD_GLOBAL"}
    return {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}


def depends_on(function: Any, within: tuple[Any, ...] = ()) -> list[str]:
    """What the code of a compiled form is made of: its byte code, and what it uses from the top of its module.

    Raises ComponentError where that is anything but numbers, ``math`` and functions of which the same is true.
    """
    if not isinstance(function, FunctionType) or function.__closure__:
        raise ComponentError(f"{function!r} cannot be compiled: a compiled form is a function at the top of a module")
    code = function.__code__
    if function in within or any(isinstance(constant, CodeType) for constant in code.co_consts):
        raise ComponentError(f"{_whose(function)} cannot be compiled: it calls itself, or has a function inside")
    parts = [repr((code.co_code, code.co_consts, code.co_names, code.co_varnames))]
    for name, value in used(function).items():
        if isinstance(value, bool | int | float):
            parts.append(f"{name}={value!r}")
        elif isinstance(value, FunctionType):
            parts += depends_on(value, (*within, function))
        elif value is math or getattr(value, "__module__", None) == "math":
            parts.append(f"{name}={value.__name__} of math")
        else:
            raise ComponentError(
                f"{_whose(function)} uses {name}, which is {value!r}; a compiled form may use its arguments, "
                "numbers and functions at the top of modules, and math"
            )
    return parts
