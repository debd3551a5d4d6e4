"""What decides when to enter and leave: over arrays (Strategy) or bar by bar (BarStrategy)."""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from quantsail_framework.domain.bars import Bars, Floats
from quantsail_framework.domain.signals import Adjust, Enter, Exit, Signals
from quantsail_framework.domain.trade import Position


class Strategy(Protocol):
    """Signals as arrays: computed once per symbol and parameter set, revealed bar by bar.

    Either form may have ``needs_volume: str | None``: where it is a text, candles without any volume are
    refused before the run, and the text, ``"volume_period = 0"``, says which option does without.
    """

    @property
    def warmup(self) -> int:
        """Bars of history before the first that may decide: from there on more history changes
        no output by more than 1e-9."""
        ...

    def signals(self, bars: Bars) -> Signals:
        """One Signals for all of ``bars``. Causal: row i uses rows 0 to i only. Must not change ``bars``."""
        ...


@attrs.frozen(eq=False)
class BarView:
    """The market as a bar strategy may see it at the close of bar ``index``: nothing later is in it."""

    _bars: Bars
    _prepared: Any
    index: int

    @property
    def symbol(self) -> str:
        """The market."""
        return self._bars.symbol

    @property
    def bars(self) -> Bars:
        """All bars up to this one, with their informative series; made when asked for."""
        return self._bars.slice(0, self.index + 1)

    @property
    def time_ns(self) -> int:
        """Open time of the bar."""
        return int(self._bars.time[self.index])

    @property
    def open(self) -> Floats:
        """Opens up to this bar; ``[-1]`` is the bar itself."""
        return self._bars.open[: self.index + 1]

    @property
    def high(self) -> Floats:
        """Highs up to this bar."""
        return self._bars.high[: self.index + 1]

    @property
    def low(self) -> Floats:
        """Lows up to this bar."""
        return self._bars.low[: self.index + 1]

    @property
    def close(self) -> Floats:
        """Closes up to this bar."""
        return self._bars.close[: self.index + 1]

    @property
    def volume(self) -> Floats:
        """Volumes up to this bar."""
        return self._bars.volume[: self.index + 1]

    def now(self, name: str) -> float:
        """The value at this bar of an array that ``prepare`` returned under ``name``."""
        return float(self._prepared[name][self.index])

    def values(self, name: str) -> Floats:
        """That array up to this bar; ``[-1]`` is the bar itself."""
        values: Floats = self._prepared[name][: self.index + 1]
        return values

    def of(self, name: Any) -> BarView:
        """This view for a strategy inside another, which ``prepare`` asked first and keeps the answer of under
        ``name``."""
        return BarView(self._bars, self._prepared[name], self.index)


class BarStrategy(Protocol):
    """Decisions bar by bar, for logic that depends on the position."""

    @property
    def warmup(self) -> int:
        """As for Strategy."""
        ...

    def prepare(self, bars: Bars) -> Any:
        """Arrays by name, one value per bar, computed once; causal like signals."""
        ...

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        """Called at the close of each tradable bar after the warm-up. None does nothing."""
        ...
