"""StrategyContract passes honest strategies of both forms, and catches each way to cheat or to break."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from attrs.validators import ge

from quantsail_framework import Adjust, Bars, BarView, Enter, Exit, Position, Signals
from quantsail_framework.testing import BarStrategyContract, StrategyContract, markets
from quantsail_framework.testing.fakes import FakeStrategy
from tests.testing_kit.kit import failure, run_all, suite

Floats = npt.NDArray[np.float64]


def say(_index: int) -> str:
    return "the close is above the average"


def average(values: Floats, period: int) -> Floats:
    """Mean of the last ``period`` values, of those there are at the start; every window is added up anew."""
    padded = np.r_[np.zeros(period - 1), values]
    windows = np.lib.stride_tricks.sliding_window_view(padded, period)
    mean: Floats = windows.sum(axis=1) / np.minimum(np.arange(1, len(values) + 1), period)
    return mean


def enters(bars: Bars, where: Any, **columns: Any) -> Signals:
    """Long where told, stop 1 % below and target 1 % above the close, unless ``columns`` say otherwise."""
    defaults: dict[str, Any] = {"stop": bars.close * 0.99, "target": bars.close * 1.01, "reason": say}
    return Signals(np.asarray(where).astype(np.int8), **(defaults | columns))


@attrs.frozen
class Average:
    """Honest: above the mean of the last ``period`` closes."""

    period: int = attrs.field(default=10, validator=ge(1), metadata={"doc": "bars of the average"})

    @property
    def warmup(self) -> int:
        return self.period

    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close > average(bars.close, self.period))


@attrs.frozen
class Hourly:
    """Honest: above the last closed hour, which ``bars.informative`` aligns."""

    warmup: int = attrs.field(default=24, validator=ge(24), metadata={"doc": "bars"})

    def signals(self, bars: Bars) -> Signals:
        hours = bars.informative("1h")
        return enters(bars, bars.close > hours.align(hours.bars.close))


@attrs.frozen
class Trailing:
    """Honest bar strategy: enters above the average, tightens its stop, leaves below the average."""

    period: int = attrs.field(default=10, validator=ge(1), metadata={"doc": "bars of the average"})

    @property
    def warmup(self) -> int:
        return self.period

    def prepare(self, bars: Bars) -> Mapping[str, Floats]:
        return {"average": average(bars.close, self.period)}

    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        above = view.close[-1] > view.now("average")
        if position is None:
            return Enter(1, stop=view.low[-1] * 0.99, reason=say(view.index)) if above else None
        return Adjust(stop=max(position.stop, view.low[-1] * 0.98)) if above else Exit()


@pytest.mark.parametrize("honest", [Average, Hourly, FakeStrategy])
def test_honest_strategies_pass(honest: type[Any]) -> None:
    run_all(suite(StrategyContract, honest, informative=("1h",)))


def test_an_honest_bar_strategy_passes() -> None:
    run_all(suite(BarStrategyContract, Trailing))


# Looking ahead (ST-07).


@attrs.frozen
class NextClose(Average):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, np.r_[bars.close[1:], bars.close[-1:]] > bars.close)


@attrs.frozen
class CentredMean(Average):
    def signals(self, bars: Bars) -> Signals:
        centred = np.convolve(np.pad(bars.close, 2, "edge"), np.full(5, 0.2), "valid")
        return enters(bars, bars.close > centred)


@attrs.frozen
class WholeSampleScore(Average):
    def signals(self, bars: Bars) -> Signals:
        score = (bars.close - bars.close.mean()) / (bars.close.std() + 1e-9)
        return enters(bars, score > 1.0)


@attrs.frozen
class StopAtLaterLow(Average):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close > average(bars.close, 10), stop=np.minimum(bars.low, np.roll(bars.low, -3)))


@attrs.frozen
class OpenHour(Hourly):
    """Uses the hour that the bar belongs to, which has not closed yet."""

    def signals(self, bars: Bars) -> Signals:
        hours = bars.informative("1h")
        row = np.minimum(hours.rows + 1, len(hours.bars) - 1)
        return enters(bars, bars.close < hours.bars.close[row]) if len(hours.bars) else enters(bars, bars.close < 0)


@attrs.frozen
class NextBarInView(Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Enter | Exit | Adjust | None:
        whole = view._bars  # reaching behind the view is the only way to see what comes
        later = whole.close[min(view.index + 1, len(whole) - 1)]
        return (
            Enter(1, stop=view.low[-1] * 0.99, reason="it rises")
            if position is None and later > view.close[-1]
            else None
        )


@attrs.frozen
class CentredPrepare(Trailing):
    def prepare(self, bars: Bars) -> Mapping[str, Floats]:
        return {"average": np.convolve(np.pad(bars.close, 2, "edge"), np.full(5, 0.2), "valid")}


@pytest.mark.parametrize(
    "column, cheat",
    [
        ("entry", NextClose),
        ("entry", CentredMean),
        ("entry", WholeSampleScore),
        ("stop", StopAtLaterLow),
        ("entry", OpenHour),
        ("entry", NextBarInView),
        ("entry", CentredPrepare),
    ],
)
def test_looking_ahead_is_caught_with_bar_and_column(column: str, cheat: type[Any]) -> None:
    contract = BarStrategyContract if hasattr(cheat, "on_bar") else StrategyContract
    text = failure(suite(contract, cheat, informative=("1h",)).test_st07_causal)
    assert text.startswith(f"ST-07 of the strategy contract, component 'it': {column}[")
    assert " UTC) on the trending market is " in text
    assert "when the bars after " in text
    assert "shift(-1), a centred window" in text  # the docstring tells what to look for


def test_the_named_bar_is_the_first_that_changes() -> None:
    # NextClose copies its own close where there is no next one, so the last row of what is left changes first.
    text = failure(suite(StrategyContract, NextClose, markets=lambda self: {"up": rising()}).test_st07_causal)
    cut = int(text.partition("when the bars after ")[2].partition(" ")[0])
    assert f"entry[{cut}] " in text
    assert "on the up market is 1, and 0 when" in text


def rising() -> Bars:
    bars = markets.random_walk(0, 50)
    close = np.linspace(100.0, 110.0, 50)
    return attrs.evolve(bars, open=close, close=close, high=close * 1.01, low=close * 0.99)


# Warm-up (ST-08, ST-01).


@attrs.frozen
class Recursive(Average):
    """An exponential average remembers for ever; ``period`` bars of warm-up are far too few for 1e-9."""

    def signals(self, bars: Bars) -> Signals:
        smooth = bars.close.copy()
        for row in range(1, len(smooth)):
            smooth[row] = smooth[row - 1] + (bars.close[row] - smooth[row - 1]) * 2 / (self.period + 1)
        return enters(bars, bars.close > smooth, stop=smooth * 0.98)


@attrs.frozen
class Patient(Recursive):
    """The same with a warm-up that lets the start fade: n periods leave about exp(-2 n) of it."""

    @property
    def warmup(self) -> int:
        return 15 * self.period


@attrs.frozen
class SinceTheBeginning(Average):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close >= np.maximum.accumulate(bars.high) * 0.995)


@attrs.frozen
class HalfABar(Average):
    warmup: float = attrs.field(default=1.5, metadata={"doc": "bars"})  # type: ignore[assignment]


def test_d075_recursive_indicators_need_an_honest_warmup() -> None:
    text = failure(suite(StrategyContract, Recursive).test_st08_warmup_is_honest)
    assert "stop[" in text or "entry[" in text
    assert "when the history starts at bar 1" in text
    # Each bar leaves 9/11 of a difference at the start: (9/11)^n < 1e-9 from n = 104 on.
    run_all(suite(StrategyContract, Patient))


def test_memory_of_the_whole_history_is_caught() -> None:
    assert "when the history starts at bar" in failure(
        suite(StrategyContract, SinceTheBeginning).test_st08_warmup_is_honest
    )


def test_warmup_is_a_whole_number() -> None:
    assert "warmup is 1.5" in failure(suite(StrategyContract, HalfABar).test_st01_warmup_is_declared)


# Form (ST-02, ST-03, ST-04, ST-09).


def answering(**columns: Any) -> type[Any]:
    """A strategy that enters everywhere, with ``columns`` made of the bars."""

    @attrs.frozen
    class Answers(Average):
        def signals(self, bars: Bars) -> Signals:
            return attrs.evolve(enters(bars, bars.close > 0), **{name: make(bars) for name, make in columns.items()})

    Answers.__qualname__ = "Answers"  # as if it stood at the top of the module, so that it pickles
    globals()["Answers"] = Answers
    return Answers


@pytest.mark.parametrize(
    "column, make, problem",
    [
        (
            "entry",
            lambda bars: np.ones(len(bars) - 1, np.int8),
            "entry has shape (609,) on the trending market; the bars have (610,)",
        ),
        (
            "entry",
            lambda bars: np.ones(len(bars)),
            "entry holds float64 on the trending market; it must hold signed integers",
        ),
        (
            "entry",
            lambda bars: np.full(len(bars), 2, np.int8),
            "entry is 2 on the trending market; it may be 1, -1 or 0",
        ),
        ("stop", lambda bars: bars.close[:-1], "stop has shape (609,)"),
        (
            "confidence",
            lambda bars: np.full(len(bars), np.nan),
            "confidence is nan on the trending market; it must lie in 0 to 1",
        ),
        ("confidence", lambda bars: 75.0, "confidence is 75.0"),
        ("exit", lambda bars: np.zeros(len(bars)), "exit holds float64 on the trending market; it must hold booleans"),
        (
            "trail",
            lambda bars: np.zeros(len(bars)),
            "trail is 0.0 on the trending market; it must be above zero, or NaN for none",
        ),
        (
            "max_bars",
            lambda bars: np.full(len(bars), 2.5),
            "max_bars holds float64 on the trending market; it must hold whole numbers",
        ),
        ("max_bars", lambda bars: -1, "max_bars is -1"),
    ],
)
def test_malformed_columns_are_named(column: str, make: Any, problem: str) -> None:
    assert problem in failure(suite(StrategyContract, answering(**{column: make})).test_st02_columns_are_well_formed)


@pytest.mark.parametrize(
    "column, make",
    [
        ("stop", lambda bars: np.full(len(bars), np.nan)),
        ("stop", lambda bars: np.full(len(bars), np.inf)),
        ("target", lambda bars: np.full(len(bars), np.inf)),
    ],
)
def test_levels_that_are_no_price_are_caught(column: str, make: Any) -> None:
    text = failure(suite(StrategyContract, answering(**{column: make})).test_st04_levels_are_numbers)
    assert "bar 0 (2023-01-02 00:00 UTC) of the trending market enters with a stop or target that is no price" in text


def test_no_target_is_allowed() -> None:
    run_all(suite(StrategyContract, answering(target=lambda bars: np.full(len(bars), np.nan))))
    run_all(suite(StrategyContract, answering(target=lambda bars: None, trail=lambda bars: bars.close * 0.01)))


def test_entries_without_a_reason_are_caught() -> None:
    text = failure(suite(StrategyContract, answering(reason=lambda bars: lambda index: " ")).test_st09_entries_say_why)
    assert "bar 0 of the trending market enters with the reason ' '" in text


@attrs.frozen
class FixedIndex(Average):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close > bars.close[5])


def test_an_exception_carries_the_case_in_a_note() -> None:
    with pytest.raises(IndexError) as caught:
        suite(StrategyContract, FixedIndex).test_st03_short_histories()
    assert "ST-03 of the strategy contract, component 'it'" in caught.value.__notes__[0]
    assert "fewer bars than the warm-up" in caught.value.__notes__[0]


@attrs.frozen
class ReturnsNothing(Average):
    def signals(self, bars: Bars) -> Any:
        return None


def test_d052_a_strategy_that_returns_none_is_named() -> None:
    text = failure(suite(StrategyContract, ReturnsNothing).test_st02_columns_are_well_formed)
    assert "signals returned NoneType on the trending market, not Signals" in text


# Answers of bar strategies.


@attrs.frozen
class SaysYes(Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Any:
        return True


@attrs.frozen
class ExitsFlat(Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Any:
        return Exit()


@attrs.frozen
class AdjustsToNan(Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Any:
        return None if position is None else Adjust(stop=float("nan"))


@attrs.frozen
class SureOfItself(Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Any:
        return Enter(1, stop=view.low[-1] * 0.9, confidence=1.5)


@pytest.mark.parametrize(
    "wrong, problem",
    [
        (
            SaysYes,
            "on_bar returned True at bar 10 of the trending market without a position; it may return Enter, None",
        ),
        (ExitsFlat, "without a position; it may return Enter, None"),
        (AdjustsToNan, "on_bar adjusts to a level that is no number at bar 10 of the trending market with a position"),
        (SureOfItself, "confidence is 1.5 at bar 10 of the trending market without a position; it must lie in 0 to 1"),
    ],
)
def test_wrong_answers_are_named(wrong: type[Any], problem: str) -> None:
    assert problem in failure(suite(BarStrategyContract, wrong).test_st02_columns_are_well_formed)


# Manners (ST-05, ST-06, ST-10, CO-04).


@attrs.frozen
class Dice(Average):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, [secrets.randbelow(2) for _ in range(len(bars))])


@attrs.frozen
class Scribbles(Average):
    def signals(self, bars: Bars) -> Signals:
        bars.close.flags.writeable = True
        bars.close[0] *= 1.001
        bars.close.flags.writeable = False
        return enters(bars, bars.close > 0)


@attrs.frozen
class Unlocks(Average):
    def signals(self, bars: Bars) -> Signals:
        bars.volume.flags.writeable = True
        return enters(bars, bars.close > 0)


@attrs.frozen
class Impossible(Average):
    """The seed's breakout: the close above a high that includes the bar itself."""

    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close > np.maximum.accumulate(bars.high))


@attrs.frozen
class BothForms(Trailing):
    def signals(self, bars: Bars) -> Signals:
        return enters(bars, bars.close > 0)


@attrs.frozen
class TakesPeriod(Average):
    def signals(self, bars: Bars, period: int) -> Signals:  # type: ignore[override]
        return enters(bars, bars.close > average(bars.close, period))


def test_chance_is_caught() -> None:
    assert "two calls on the trending market differ" in failure(suite(StrategyContract, Dice).test_st05_deterministic)


def test_d053_writing_into_history_is_caught() -> None:
    text = failure(suite(StrategyContract, Scribbles).test_st06_bars_are_left_alone)
    assert "the strategy changed bars.close of the trending market" in text
    text = failure(suite(StrategyContract, Unlocks).test_st06_bars_are_left_alone)
    assert "the strategy made bars.volume of the trending market writeable" in text


def test_d053_bars_cannot_be_written_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        markets.trending().close[0] = 1.0


def test_d072_a_strategy_that_never_enters_proves_nothing() -> None:
    text = failure(suite(StrategyContract, Impossible).test_st10_enters_somewhere)
    assert "no entry on any of the markets trending, ranging, gapping, crash, silent" in text


def test_a_strategy_has_one_form_and_the_right_arguments() -> None:
    assert "must have either signals or on_bar" in failure(
        suite(BarStrategyContract, BothForms).test_co04_class_is_frozen_attrs
    )
    text = failure(suite(StrategyContract, Trailing).test_co04_class_is_frozen_attrs)
    assert "Trailing has on_bar: BarStrategyContract is for bar strategies" in text
    text = failure(suite(StrategyContract, TakesPeriod).test_co04_class_is_frozen_attrs)
    assert "TakesPeriod.signals must take 1 arguments beside self" in text


@attrs.frozen
class NoValidator(Average):
    period: int = attrs.field(default=10, metadata={"doc": "bars of the average"})


def test_d080_an_option_that_fails_in_mid_run_is_caught() -> None:
    text = failure(suite(StrategyContract, NoValidator).test_co10_accepted_options_run)
    assert "option period = -1 is accepted and then fails: " in text
