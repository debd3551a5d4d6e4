"""Which line of a TOML file each key stands on: tomllib keeps none, and an error without a line is half an error."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Key = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # the last one or two quotes may belong to the text
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[Key, int]:
    """Line (from 1) of every key, table and list item of ``text``, which must be valid TOML."""
    return _Scanner(text).scan()


class _Scanner:
    """Walks over a document that tomllib has accepted, so it need not check anything again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Key, int] = {}
        self._items: dict[Key, int] = {}  # how many [[tables]] of that name there are so far

    def scan(self) -> dict[Key, int]:
        table: Key = ()
        self._blank()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._blank()
        return self._lines

    def _header(self) -> Key:
        line, double = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        parts = self._dotted()
        self._at = self._text.index("]", self._at) + (2 if double else 1)
        if not double:
            return self._mark(self._located(parts), line)
        table = self._mark((*self._located(parts[:-1]), parts[-1]), line)
        index = self._items.get(table, 0)
        self._items[table] = index + 1
        return self._mark((*table, index), line)

    def _located(self, parts: tuple[str, ...]) -> Key:
        """The header's words with the number of the newest item wherever one names a list of tables."""
        key: Key = ()
        for part in parts:
            key = (*key, part)
            if key in self._items:
                key = (*key, self._items[key] - 1)
        return key

    def _pair(self, table: Key) -> None:
        line = self._line()
        parts = self._dotted()
        self._at = self._text.index("=", self._at) + 1
        self._value(self._mark(table + parts, line))

    def _value(self, key: Key) -> None:
        self._blank()
        if self._text[self._at] == "[":
            self._list(key)
        elif self._text[self._at] == "{":
            self._inline_table(key)
        else:
            match = _TEXT.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            self._at = match.end() if match else len(self._text)

    def _list(self, key: Key) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self._value(self._mark((*key, index), self._line()))
            index += 1

    def _inline_table(self, key: Key) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(key)

    def _closed(self, bracket: str) -> bool:
        """Go on to the next item; True, and past the bracket, when there is none."""
        self._blank()
        if self._text[self._at] == ",":
            self._at += 1
            self._blank()
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _dotted(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._blank()
            parts.append(self._word())
            self._blank()
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _word(self) -> str:
        bare = _BARE_KEY.match(self._text, self._at)
        match = bare or _TEXT.match(self._text, self._at)
        if match is None:
            raise ValueError(f"no key at offset {self._at}")
        self._at = match.end()
        return match[0] if bare else str(tomllib.loads(f"key = {match[0]}")["key"])

    def _mark(self, key: Key, line: int) -> Key:
        """Note the line, also of the tables above that have no line of their own."""
        for count in range(len(key), 0, -1):
            if key[:count] in self._lines:
                break
            self._lines[key[:count]] = line
        return key

    def _blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        if match:
            self._at = match.end()

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1
