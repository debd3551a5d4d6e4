"""From a kind and a name to a folder that holds a complete distribution, or to nothing at all."""

from __future__ import annotations

import io
import re
import shlex
import tempfile
import tokenize
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from quantsail_framework import __version__
from quantsail_framework.config.tree import COMPONENT_LISTS, COMPONENT_TABLES
from quantsail_framework.errors import InputError
from quantsail_framework.plugins import did_you_mean, installed_plugins, load_registry
from quantsail_framework.scaffold.kinds import KINDS, Kind

PREFIX = "quantsail-"
LONGEST_NAME = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VERBS = ("runner", "command")  # both are called as `quantsail NAME`
_TABLES = ("extends", "pipeline", "plugins", "profiles", *COMPONENT_TABLES, *COMPONENT_LISTS)
_TEMPLATES = files("quantsail_framework.scaffold") / "templates"
# File of the distribution, of a plugin named my-name, to its template; a kind without contract has no such test.
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "docs/my-name.md": "docs.md",
    ".github/workflows/tests.yml": "tests.yml",
    ".gitignore": "gitignore",
    "src/quantsail_my_name/__init__.py": "init.py",
    "src/quantsail_my_name/py.typed": "py.typed",
    "src/quantsail_my_name/my_module.py": "component.py",
    "tests/test_contract.py": "test_contract.py",
    "tests/test_my_name.py": "test_component.py",
}


def new_plugin(kind: str, name: str, parent: Path) -> Path:
    """Write the distribution ``quantsail-<name>`` into ``parent`` and return its folder.

    It appears whole or not at all. Raises InputError for a kind that there is not, a name that is none, is taken or
    means something else in what would be written, a folder that exists already, and one that cannot be written.
    """
    about = _kind(kind)
    _check_name(name)
    _check_component(about, name)
    texts = distribution(kind, about, name)
    folder = parent / f"{PREFIX}{name}"
    if not parent.is_dir():
        make = f"mkdir -p {shlex.quote(str(parent))}"
        raise InputError(f"there is no folder {parent}; make it first ({make}), or name another with --dir")
    if folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} exists and stays as it is; choose another name, or another folder with --dir")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=parent) as scratch:
            made = Path(scratch) / folder.name
            _write(made, texts)
            made.rename(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def distribution(kind: str, about: Kind, name: str) -> dict[str, str]:
    """Path to text of every file of the plugin ``name``. Raises InputError when its name means something else there."""
    words = _words(kind, about, name)
    texts: dict[str, str] = {}
    for path, template in _templates(kind, about).items():
        filled = _filled(path, words)
        if problem := _problem(about, words, filled, template, texts):
            raise InputError(f"{name!r} is no name for this plugin: {problem}; {_another(name)}")
        texts[filled] = _filled(template, words)
    return texts


def class_name(name: str, ending: str) -> str:
    """``EqualWeightSizer`` for ``equal-weight``; an ending that the name has already is not repeated."""
    camel = "".join(part.capitalize() for part in name.split("-"))
    return camel if camel.endswith(ending) else camel + ending


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise InputError(f"no kind of plugin is named {kind!r}{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}.")
    return KINDS[kind]


def _check_name(name: str) -> None:
    bare = name.removeprefix(PREFIX)
    if bare != name and _NAME.fullmatch(bare):
        raise InputError(f"the distribution of {bare!r} is called {name!r} by itself; give the name as {bare!r}")
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        rule = f"lower-case words joined by hyphens, at most {LONGEST_NAME} characters, such as 'equal-weight'"
        raise InputError(f"{name!r} is no name of a plugin; it must be {rule}{_suggested(name)}")
    taken = {plugin.name: plugin.label for plugin in installed_plugins()} | {"framework": "the core itself"}
    if name in taken:
        raise InputError(f"the name {name!r} is taken by {taken[name]}, which is installed; choose another")


def _suggested(name: str) -> str:
    """``"; did you mean 'my-dip'?"`` for ``my_dip``, ``MyDip`` and ``my dip``."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    near = re.sub(r"[^a-z0-9]+", "-", apart.lower()).strip("-")
    return f"; did you mean {near!r}?" if _NAME.fullmatch(near) and len(near) <= LONGEST_NAME else ""


def _check_component(about: Kind, name: str) -> None:
    """Installed, it would clash with a component of its kind, which no pipeline could use any more."""
    registry = load_registry()
    for kind in _VERBS if about.registers in _VERBS else (about.registers,):
        if offer := registry.components(kind).get(name):
            raise InputError(f"there is a {offer.title} already, which is installed; {_another(name)}")


def _another(name: str) -> str:
    return f"choose another name, such as {f'my-{name}'!r}"


def _templates(kind: str, about: Kind) -> dict[str, str]:
    """Path of every file, of a plugin named my-name, to its template."""
    wanted = {path: file for path, file in FILES.items() if about.contract or file != "test_contract.py"}
    return {path: _template(kind, file) for path, file in wanted.items()}


def _problem(about: Kind, words: dict[str, str], path: str, template: str, others: Collection[str]) -> str | None:
    """Why a file would not be what it should be."""
    name, cls = words["my-name"], words["MyName"]
    if path in others:
        return f"two files would be {path}"
    if path.endswith(".py") and cls in _identifiers(template):
        return f"its class would be {cls}, which {path} uses for something else"
    if about.registers == "runner" and name in _TABLES:
        return f"its options would stand in [{name}], which is another table of a pipeline"
    return None


def _identifiers(text: str) -> set[str]:
    """Every name in a Python file, outside of its texts and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _words(kind: str, about: Kind, name: str) -> dict[str, str]:
    """What stands in the templates, and what takes its place."""
    major, minor, *_ = __version__.split(".")
    words = {
        "my-name": name,
        "my_name": name.replace("-", "_"),
        "MyName": class_name(name, about.ending),
        "my_module": about.module,
        "quantsail_my_hook": about.hook,
        "MyContract": about.contract or "",
        "my kind": about.words,
        "my-kind": about.registers,
        "My summary.": about.summary,
        "        # my example\n": f"        example={about.example},\n" if about.example else "",
        "~=X.Y": f"~={major}.{minor}",
    }
    return words | {"# my table\n": _filled(_template(kind, "table.toml"), words)}


def _filled(text: str, words: dict[str, str]) -> str:
    """Longer words first, and no word inside what has taken the place of another."""
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(pattern, lambda match: words[match[0]], text)


def _template(kind: str, file: str) -> str:
    own = _TEMPLATES / kind / f"{file}.tmpl"
    common = _TEMPLATES / "common" / f"{file}.tmpl"
    return (own if own.is_file() else common).read_text(encoding="utf-8")


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
