"""Lines of keys, for any TOML that tomllib accepts."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.config.positions import Key, key_lines

DOCUMENT = '''\
# a comment with [brackets] and = signs
top = 1
dotted.inner = "text # with [signs] = in it"
[data]
symbols = [ # comment ]
  "A/B",

  "C, ]",
]
"quoted.key" = { env = "X", deep = [1, { last = 2 }] }
text = """
[not.a.table]
key = 1"""""
literal = \'\'\'
it's "here" \'\'\'
[[risk]]
use = 'a\\'
[risk.below]
value = 1979-05-27 07:32:00
[[risk]]
use = "b\\"c"
[profiles.fast.strategy]
empty = []
none = {}
'''


def test_every_key_has_its_line() -> None:
    lines = key_lines(DOCUMENT)
    expected: dict[Key, int] = {
        ("top",): 2,
        ("dotted",): 3,
        ("dotted", "inner"): 3,
        ("data",): 4,
        ("data", "symbols"): 5,
        ("data", "symbols", 0): 6,
        ("data", "symbols", 1): 8,
        ("data", "quoted.key"): 10,
        ("data", "quoted.key", "env"): 10,
        ("data", "quoted.key", "deep"): 10,
        ("data", "quoted.key", "deep", 0): 10,
        ("data", "quoted.key", "deep", 1): 10,
        ("data", "quoted.key", "deep", 1, "last"): 10,
        ("data", "text"): 11,
        ("data", "literal"): 14,
        ("risk",): 16,
        ("risk", 0): 16,
        ("risk", 0, "use"): 17,
        ("risk", 0, "below"): 18,
        ("risk", 0, "below", "value"): 19,
        ("risk", 1): 20,
        ("risk", 1, "use"): 21,
        ("profiles",): 22,
        ("profiles", "fast"): 22,
        ("profiles", "fast", "strategy"): 22,
        ("profiles", "fast", "strategy", "empty"): 23,
        ("profiles", "fast", "strategy", "none"): 24,
    }
    assert lines == expected


def paths(value: Any, key: Key = ()) -> set[Key]:
    """Every key path of parsed TOML."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {key} - {()} | {path for name, item in items for path in paths(item, (*key, name))}


def test_the_keys_are_those_that_tomllib_finds() -> None:
    assert set(key_lines(DOCUMENT)) == paths(tomllib.loads(DOCUMENT))


SCALARS = st.sampled_from(
    ["1", "-2.5e3", "true", '"a # ] } , = b"', "'lit'", '"""x\n[t]\ny"""', "''''q'''", "1979-05-27T07:32:00Z", '"\\""']
)
NAMES = st.sampled_from(["a", "b-c", "d_1", '"quoted key"', "'lit.eral'", '"es\\"c"'])
GAPS = st.sampled_from(["", " ", "\n", " # note ]\n", "\n\n  "])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["scalar", "list", "table"] if depth else ["scalar"]))
    if kind == "scalar":
        return draw(SCALARS)
    if kind == "list":
        items = draw(st.lists(values(depth - 1), max_size=3))
        return "[" + "".join(f"{draw(GAPS)}{item}{draw(GAPS)}," for item in items) + draw(GAPS) + "]"
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    pairs = [f"{name} = {draw(values(depth - 1))}".replace("\n", " ") for name in names]
    return "{" + ", ".join(pairs) + "}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = [f"{name} = {draw(values())}" for name in draw(st.lists(NAMES, max_size=3, unique=True))]
    for number in range(draw(st.integers(0, 3))):
        header = draw(st.sampled_from([f"[t{number}]", f"[t{number}.x]", "[[items]]", f"[t{number}.'y z']"]))
        lines.append(draw(GAPS) + header)
        lines += [f"{name} = {draw(values())}" for name in draw(st.lists(NAMES, max_size=3, unique=True))]
    return "\n".join(lines) + "\n"


def is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@given(documents().filter(is_toml))
def test_any_document_has_a_line_for_each_key_and_for_nothing_else(document: str) -> None:
    lines = key_lines(document)
    assert set(lines) == paths(tomllib.loads(document))
    rows = document.split("\n")
    for key, line in lines.items():
        if isinstance(key[-1], str) and key[-1].isidentifier():
            assert key[-1] in rows[line - 1]
