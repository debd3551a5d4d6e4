"""What package metadata says of an installed distribution: where it came from, which release of the core it needs,
and whether its files are still those that were installed. Nothing of it is imported.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from importlib.machinery import all_suffixes
from typing import TYPE_CHECKING, Any

from quantsail_framework.errors import PluginError
from quantsail_framework.installed import find

if TYPE_CHECKING:
    from pathlib import Path

CORE = "quantsail-framework"
_REQUIREMENT = re.compile(
    r"quantsail[-_.]+framework(?![\w.-])\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(;.*)?", re.IGNORECASE
)
_COMPARISON = re.compile(
    r"(python_version|python_full_version|sys_platform|os_name|platform_system)"
    r"\s*(~=|==|!=|<=|>=|<|>)\s*(['\"])([^'\"]*)\3"
)
_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
# Written by whoever installs, so not the same everywhere: they are no part of what is pinned.
_INSTALLERS = re.compile(r"[^/]+\.dist-info/(INSTALLER|REQUESTED|RECORD|direct_url\.json|uv_.*)")


def origin(name: str) -> str:
    """Where a distribution was installed from (PEP 610): ``index``, or its folder, file or repository.

    An ``editable`` one is run from its folder. Of an address whatever may hold credentials is left out: user, query
    and fragment.
    """
    facts = _direct_url(name)
    if facts is None:
        return "index"
    place = _place(str(facts.get("url", "")))
    if "vcs_info" in facts:
        vcs = facts["vcs_info"]
        return f"{vcs.get('vcs', 'vcs')} {place} @ {str(vcs.get('commit_id', ''))[:12]}"
    if facts.get("dir_info", {}).get("editable"):
        return f"editable {place}"
    return f"{'folder' if 'dir_info' in facts else 'file'} {place}"


def core_needed(requirements: Sequence[str]) -> str | None:
    """The releases of the core that these requirements ask for, such as ``~=0.1``; None when they name none.

    One whose marker does not hold here asks for nothing.
    """
    for requirement in requirements:
        found = _REQUIREMENT.fullmatch(requirement)
        if found and "extra" not in (found[2] or "") and _applies(found[2]):
            return found[1].replace(" ", "") or None
    return None


def _applies(marker: str | None) -> bool:
    """Whether an environment marker (PEP 508) holds here; of what is more than plain comparisons, it counts as held."""
    ways = (marker or "").removeprefix(";").split(" or ")
    return any(all(_fits(comparison.strip()) for comparison in way.split(" and ")) for way in ways)


def _fits(comparison: str) -> bool:
    found = _COMPARISON.fullmatch(comparison)
    if found is None:
        return True
    name, sign, value = found[1], found[2], found[4]
    if name.startswith("python"):
        version = platform.python_version()
        return is_met(f"{sign}{value}", version if name == "python_full_version" else _minor(version))
    have = {"sys_platform": sys.platform, "os_name": os.name, "platform_system": platform.system()}[name]
    return sign not in ("==", "!=") or (have == value) is (sign == "==")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def is_met(needed: str, version: str) -> bool:
    """Whether release ``version`` is one of those in ``needed`` (PEP 440, by its numbers alone).

    What is more than numbers was for the installer to judge and counts as met.
    """
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    clauses = (_CLAUSE.fullmatch(clause.strip()) for clause in needed.split(","))
    return numbers is None or all(clause is None or _holds(clause, _release(numbers[0])) for clause in clauses)


def _holds(clause: re.Match[str], have: tuple[int, ...]) -> bool:
    sign, given, star = clause[1], _release(clause[2]), clause[3]
    if sign == "~=":
        return _compared(have, given) >= 0 and _starts(have, given[:-1])
    if sign in ("==", "!="):
        return (_starts(have, given) if star else _compared(have, given) == 0) is (sign == "==")
    order = _compared(have, given)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]


def _release(numbers: str) -> tuple[int, ...]:
    return tuple(int(number) for number in numbers.split("."))


def _compared(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Below, at or above 0; 1.0 and 1 are the same."""
    length = max(len(left), len(right))
    first, second = (release + (0,) * (length - len(release)) for release in (left, right))
    return (first > second) - (first < second)


def _starts(release: tuple[int, ...], prefix: tuple[int, ...]) -> bool:
    return (release + (0,) * len(prefix))[: len(prefix)] == prefix


def digest(name: str) -> str:
    """``sha256:...`` of the lines of a distribution's RECORD, after its files were checked against them.

    It is the same wherever the same wheel is installed. Raises PluginError where no hash can vouch for the files:
    editable, without RECORD, with a file that was changed, is missing, or could be imported but is not listed.
    """
    import hashlib
    from pathlib import Path

    found = find(name)
    if found is None:
        raise PluginError(f"{name} is not an installed distribution, so no hash covers it; pin its version")
    if (_direct_url(name) or {}).get("dir_info", {}).get("editable"):
        raise PluginError(f"{name} is installed editable, so no hash covers its files; pin its version, or install it")
    files = _record(found.read("RECORD") or "")
    if not files:
        raise PluginError(f"{name} has no RECORD of its files, so no hash covers them; reinstall it with pip or uv")
    folder = Path(found.place)
    wrong = [problem for file, listed in files.items() if (problem := _changed(folder, file, listed))]
    wrong += sorted(_unlisted(folder, files))
    if wrong:
        raise PluginError(f"{name} is not as it was installed: {', '.join(wrong[:3])}; reinstall it")
    lines = sorted(f"{file},{listed}\n" for file, listed in files.items())
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _record(text: str) -> dict[str, str]:
    """The hash, as ``sha256=...``, of each file that the wheel brought into the folder of packages.

    Not of scripts, which name this machine's Python. ``Distribution.files`` is not asked: from Python 3.12 on it leaves
    out files that are missing.
    """
    import csv

    rows = [row for row in csv.reader(text.splitlines()) if len(row) == 3 and row[1]]
    return {file: listed for file, listed, _ in rows if not file.startswith("../") and not _INSTALLERS.fullmatch(file)}


def _changed(folder: Path, file: str, listed: str) -> str | None:
    import base64
    import hashlib

    try:
        content = (folder / file).read_bytes()
    except OSError:
        return f"{file} is missing"
    mode, _, value = listed.partition("=")
    try:
        made = hashlib.new(mode, content).digest()
    except (ValueError, TypeError):  # no such hash, or one without a length of its own
        return f"{file} is listed with a hash that is unknown here ({mode!r})"
    found = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    return None if found == value else f"{file} was changed"


def _unlisted(folder: Path, listed: Collection[str]) -> Iterator[str]:
    """Files that an import would take in place of its packages, or could take in place of a file of theirs."""
    from importlib.util import find_spec
    from pathlib import Path

    tops = {file.partition("/")[0] for file in listed}
    for package in (top for top in tops if f"{top}/__init__.py" in listed):
        spec = find_spec(package)
        if spec and spec.origin and Path(spec.origin).resolve() != (folder / package / "__init__.py").resolve():
            yield f"{package} is imported from {spec.origin}"
        for path in (folder / package).rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.name.endswith(tuple(all_suffixes())) and "__pycache__" not in path.parts and name not in listed:
                yield f"{name} is not part of it"


def _direct_url(name: str) -> dict[str, Any] | None:
    import json

    found = find(name)
    try:
        facts = json.loads((found and found.read("direct_url.json")) or "null")
    except ValueError:
        return None
    infos = ("vcs_info", "dir_info")
    is_sound = isinstance(facts, dict) and all(isinstance(facts.get(info, {}), dict) for info in infos)
    return facts if is_sound else None


def _place(url: str) -> str:
    """A path as people write it, or an address without secrets."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    return unquote(parts.geturl().removeprefix("file://")) if parts.scheme == "file" else parts.geturl()
