"""How the engine makes the values that it makes most of."""

from __future__ import annotations

# Makes a named tuple without the Python-level call of its constructor; for what is made per signal or trade.
new = tuple.__new__
