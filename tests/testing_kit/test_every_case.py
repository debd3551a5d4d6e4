"""Each numbered case catches a component that is broken on purpose, and says what is wrong with it."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import (
    Bars,
    BarView,
    Breach,
    CompiledCosts,
    CompiledRule,
    CompiledSizer,
    Costs,
    Instrument,
    Market,
    Portfolio,
    Position,
    Request,
    Signal,
    Signals,
    Sizing,
)
from quantsail_framework.domain.alert import Alert
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.domain.result import RunResult
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.testing import (
    AlertSinkContract,
    BarStrategyContract,
    Contract,
    CostModelContract,
    DataSourceContract,
    ExecutorContract,
    ObjectiveContract,
    ObserverContract,
    ReporterContract,
    RiskRuleContract,
    RunnerContract,
    SizerContract,
    StrategyContract,
)
from quantsail_framework.testing.fakes import FakeCosts
from tests.testing_kit import test_broker as brokers
from tests.testing_kit import test_contract as common
from tests.testing_kit import test_cost_model as costs
from tests.testing_kit import test_data_source as sources
from tests.testing_kit import test_executor as executors
from tests.testing_kit import test_others as others
from tests.testing_kit import test_risk_rule as rules
from tests.testing_kit import test_sizer as sizers
from tests.testing_kit import test_strategy as strategies
from tests.testing_kit.kit import complaint, suite

CALLS = itertools.count(1)


# Components that only this table needs.


def _of_notional(_numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    return quantity * (price * 0.001), 0.0, 0.0


@attrs.frozen
class RoundsElsewhere(FakeCosts):
    """Its compiled form multiplies in another order."""

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        return Costs(quantity * price * 0.001)

    def compiled(self) -> CompiledCosts:
        return CompiledCosts(_of_notional)


def _all_of_it(_numbers: Any, request: Any, account: Any) -> Any:
    return max(account.available, 0.0) / request.price, 0


@attrs.frozen
class MissesHalf:
    """Its compiled form sizes with all that is available, the sizer with half."""

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(max(portfolio.available, 0.0) / signal.price / 2.0, "cash")

    def compiled(self) -> CompiledSizer:
        return CompiledSizer(_all_of_it, (), ("cash",))


def _more_than_two(_numbers: Any, _request: Any, account: Any) -> Any:
    return account.open_count >= 2.0, 2.0, account.open_count


@attrs.frozen
class RefusesMore:
    """Its compiled form refuses at two positions, the rule at three."""

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        return Breach("two are enough", 2.0, portfolio.open_count) if portfolio.open_count > 2 else None

    def compiled(self) -> CompiledRule:
        return CompiledRule(_more_than_two, (), lambda _limit, _value: "two are enough")


@attrs.frozen
class Halves(FakeCosts):
    """Takes percent and keeps a fraction, so that what it keeps means another percent."""

    share: float = attrs.field(default=50.0, converter=lambda pct: pct / 100, metadata={"doc": "percent"})


@attrs.frozen
class LocalTime(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        local = time.localtime(market.now_ns // 1_000_000_000)
        return Costs(quantity * price * (0.001 if local.tm_hour < 12 else 0.002))


@attrs.frozen
class SetOrder(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(quantity * price * 1e-3 * (abs(hash(market.symbol)) % 1_000))


@attrs.frozen
class YearOfClock(FakeCosts):
    schedule: int = attrs.field(factory=lambda: time.gmtime(time.time()).tm_year, metadata={"doc": "a year"})


@attrs.frozen
class AsciiReport(others.Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        if folder is not None:
            (folder / "lines.txt").write_text(f"net of {result.name}: 5 €")


MEANS: dict[int, float] = {}


@attrs.frozen
class RemembersByLength(strategies.Average):
    """Keeps the mean of the first symbol for every other of that length."""

    def signals(self, bars: Bars) -> Signals:
        MEANS[id(self)] = MEANS.get(id(self), float(bars.close[0]))
        return strategies.enters(bars, bars.close > MEANS[id(self)])


@attrs.frozen
class ScalesByRange(strategies.Average):
    def signals(self, bars: Bars) -> Signals:
        with np.errstate(all="ignore"):
            place = (bars.close - bars.low) / (bars.high - bars.low)
            return strategies.enters(bars, ~(place < 0.9), stop=bars.close * (1 - 0.01 * place))


@attrs.frozen
class TwoPerBar(strategies.Trailing):
    def prepare(self, bars: Bars) -> Any:
        return {"average": np.zeros((len(bars), 2))}


@attrs.frozen
class CountsEntries(strategies.Trailing):
    """Enters at the first questions that it is asked, and counts them in what it prepared."""

    def prepare(self, bars: Bars) -> Any:
        return {"average": np.zeros(len(bars)), "asked": np.zeros(len(bars))}

    def on_bar(self, view: BarView, position: Position | None) -> Any:
        asked = view._prepared["asked"]
        asked[0] += 1
        enters = position is None and asked[0] < 20
        return strategies.Enter(1, stop=view.close[-1] * 0.9, reason="it is time") if enters else None


@attrs.frozen
class MovesItsStop(strategies.Trailing):
    def on_bar(self, view: BarView, position: Position | None) -> Any:
        if position is not None:
            position.stop = view.close[-1] * 0.99
        return None


@attrs.frozen
class NeedsTarget(strategies.Trailing):
    def on_bar(self, view: BarView, position: Any) -> Any:
        return strategies.Exit() if position is not None and view.close[-1] > position.target * 0.99 else None


@attrs.frozen
class ByRange(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        last = market.closed(market.symbol, 5)
        return Costs(quantity * price * 1e-6 / float((last.high - last.low).max()))


@attrs.frozen
class WritesIntoBars(FakeCosts):
    def prepare(self, bars: Bars) -> Any:
        bars.volume.flags.writeable = True
        return np.zeros(len(bars))


@attrs.frozen
class Shrinks(sizers.RiskShare):
    def size(self, signal: Signal, instrument: Any, portfolio: Portfolio, market: Market) -> Sizing:
        cash = max(0.0, portfolio.available)
        return Sizing(cash / signal.price if cash < 1_000 else 1.0 / signal.price, "reserve")


@attrs.frozen
class ByVolatility(sizers.RiskShare):
    def size(self, signal: Signal, instrument: Any, portfolio: Portfolio, market: Market) -> Sizing:
        close = market.closed(market.symbol, 20).close
        with np.errstate(all="ignore"):
            quantity = np.divide(max(0.0, portfolio.available), close.std()) / signal.price * 1e-9
        return Sizing(float(min(quantity, max(0.0, portfolio.available) / signal.price)), "volatility")


@attrs.frozen
class ShareOfEquity(rules.MaxTrades):
    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Any:
        close = market.closed(market.symbol, 20).close
        worst = (close / close.mean() - 1.0).min()
        return rules.Breach("too wild", 1.0, math.log(abs(worst))) if worst > -1e-12 else None


@attrs.frozen
class CountsQuestions(rules.MaxTrades):
    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Any:
        return f"question {next(CALLS)}"


BUSY: set[str] = set()


@attrs.frozen
class OneAtATime(others.Keeps):
    def send(self, alert: Alert) -> None:
        if BUSY:
            raise RuntimeError("two alerts at once")
        BUSY.add(threading.current_thread().name)
        time.sleep(0.01)
        BUSY.clear()


@attrs.frozen
class RewritesCandles(others.CountsEntries):
    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        for bars in pipeline.source.bars([BarRequest(pipeline.data.symbols[0], pipeline.data.timeframe)]):
            whole = bars.volume if bars.volume.base is None else bars.volume.base
            whole.flags.writeable = True
            whole[0] += 1.0
            whole.flags.writeable = False
        return super().run(pipeline, session)


@attrs.frozen
class LogPrices(others.Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        for price in result.trades["entry_price"].tolist():
            math.log(price)


@attrs.frozen
class PerEquity(others.Listens):
    def equity_updated(self, time_ns: int, equity: float) -> None:
        self.heard.append(f"{10_000.0 / equity:.3f}")


@attrs.frozen
class Inverse:
    def score(self, result: RunResult) -> float | None:
        total = result.metrics["total_return"]
        return None if total is None else 1.0 / total


# The table.

Make = Callable[[Path, pytest.MonkeyPatch], Contract]


def of(contract: type[Contract], component: type[Any] | Callable[[], type[Any]], **attributes: Any) -> Make:
    """The suite around a broken component; a function that makes one is called when it is needed."""

    def make(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Contract:
        broken = component if isinstance(component, type) else component()
        return suite(contract, broken, **attributes)

    return make


def source(broken: type[Any], **attributes: Any) -> Make:
    return of(DataSourceContract, broken, **({"symbols": tuple(sources.SERIES), "timeframe": "1h"} | attributes))


def broker(broken: type[Any]) -> Make:
    return lambda _folder, _monkeypatch: brokers.at_its_market(broken)


def module(name: str, *lines: str) -> Make:
    """A plugin module whose text has ``lines``."""
    return lambda folder, monkeypatch: common.plugin_in(folder, monkeypatch, name, common.registering(*lines))


def leaking(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.setenv("LEAKED", "canary-4711")
    return suite(AlertSinkContract, others.Leaks)


WRITES = "open(__file__ + '.cache', 'w').close()"
BROKEN: Mapping[str, tuple[Make, str]] = {
    "CO-01": (module("says_hello", "print('hello')"), "and calling its hooks prints 'hello\\n'"),
    "CO-02": (lambda *_: common.described(), "yields 0 components named 'it'; it yields nothing"),
    "CO-03": (module("of_nobody"), "no installed distribution names of_nobody in the entry-point group 'quantsail'"),
    "CO-04": (of(CostModelContract, common.Plain), "Plain is not an attrs class"),
    "CO-05": (of(CostModelContract, common.NoDoc), "option 'vip_level' has no metadata[\"doc\"]"),
    "CO-06": (of(CostModelContract, FakeCosts, options={"bpss": 1.0}), "FakeCosts has no option bpss; it has bps"),
    "CO-07": (
        of(CostModelContract, FakeCosts, build=lambda self, **changes: FakeCosts()),
        "an unknown option 'no_such_option' is accepted",
    ),
    "CO-08": (of(CostModelContract, common.Numbered), "'serial' differs between two components built from the same"),
    "CO-09": (of(CostModelContract, common.WithFunction), "Sweeps send components to other processes"),
    "CO-10": (of(CostModelContract, common.Logarithm), "option base = 0 is accepted and then fails: ZeroDivisionError"),
    "CO-11": (module("writes_a_file", WRITES), "writes_a_file.py.cache' for writing"),
    "CO-12": (of(CostModelContract, Halves), "option 'share' was 0.5 and comes back as 0.005"),
    "CO-13": (of(CostModelContract, SetOrder), "in a process of another time zone, locale, hash seed and wall clock"),
    "ST-01": (of(StrategyContract, strategies.HalfABar), "warmup is 1.5"),
    "ST-02": (of(StrategyContract, strategies.ReturnsNothing), "signals returned NoneType on the trending market"),
    "ST-03": (of(StrategyContract, strategies.FixedIndex), "IndexError: index 5 is out of bounds"),
    "ST-04": (
        of(StrategyContract, lambda: strategies.answering(stop=lambda bars: np.full(len(bars), np.nan))),
        "of the trending market enters with a stop or target that is no price",
    ),
    "ST-05": (of(StrategyContract, strategies.Dice), "two calls on the trending market differ"),
    "ST-06": (of(StrategyContract, strategies.Scribbles), "the strategy changed bars.close of the trending market"),
    "ST-07": (of(StrategyContract, strategies.NextClose), "when the bars after "),
    "ST-08": (of(StrategyContract, strategies.Recursive), "when the history starts at bar 1"),
    "ST-09": (
        of(StrategyContract, lambda: strategies.answering(reason=lambda bars: lambda index: " ")),
        "bar 0 of the trending market enters with the reason ' '",
    ),
    "ST-10": (of(StrategyContract, strategies.Impossible), "no entry on any of the markets trending, ranging"),
    "ST-11": (
        of(StrategyContract, RemembersByLength),
        "asked in another order of symbols, the trending market",
    ),
    "ST-12": (of(StrategyContract, ScalesByRange), "of the flat market enters with a stop or target that is no price"),
    "BS-01": (
        of(BarStrategyContract, TwoPerBar),
        "has shape (1, 2); the bars have (1,) on the trending market",
    ),
    "BS-02": (
        of(BarStrategyContract, CountsEntries),
        "asked from the last bar to the first, the trending market",
    ),
    "BS-03": (of(BarStrategyContract, MovesItsStop), "on_bar changed the position at bar 10 of the trending market"),
    "BS-04": (of(BarStrategyContract, NeedsTarget), "TypeError: unsupported operand"),
    "DS-01": (source(sources.Memory, symbols=()), "set symbols and timeframe on the test class"),
    "DS-02": (source(sources.ForeignInstruments), "instruments gives DOGE/USDT, which was not asked for"),
    "DS-03": (source(sources.EachOnce), "3 requests gave 2 Bars"),
    "DS-04": (source(sources.InclusiveEnd), "AAA/USDT with start_ns="),
    "DS-05": (source(sources.RoundedBounds), "; it should be Bars('AAA/USDT', 1h, "),
    "DS-06": (source(sources.WarmupInTime), "warmup=3 gave Bars('AAA/USDT', 1h, "),
    "DS-07": (source(sources.EmptyIsAnError), "DataError: no candles of AAA/USDT in range"),
    "DS-08": (source(sources.MakesItUp), "the source answers for NOSUCH/SYMBOL, which it should not have"),
    "DS-09": (source(sources.Drifts), "AAA/USDT differs between two calls"),
    "DS-10": (source(sources.FillsTogether), "AAA/USDT differs when it is asked for alone"),
    "DS-11": (source(sources.Writeable), "AAA/USDT: high can be written to"),
    "CM-01": (of(CostModelContract, costs.Volumes), "slippage=inf"),
    "CM-02": (of(CostModelContract, costs.Earns), "a taker fill costs -0.075 for a taker sale of "),
    "CM-03": (of(CostModelContract, costs.Dice), "the same fill costs Costs("),
    "CM-04": (of(CostModelContract, costs.WholeRank), "when later bars change for a taker buy of "),
    "CM-05": (of(CostModelContract, costs.WholeRank), "on the gapping market is "),
    "CM-06": (of(CostModelContract, costs.ShortWarmup), "when the history starts at bar 1"),
    "CM-07": (of(CostModelContract, ByRange), "ZeroDivisionError: float division by zero"),
    "CM-08": (of(CostModelContract, WritesIntoBars), "the cost model made bars.volume of the gapping market writeable"),
    "CM-09": (
        of(CostModelContract, RoundsElsewhere),
        "costs are (0.09999, 0.0, 0.0), and (0.09999000000000001, 0.0, 0.0) by the compiled form",
    ),
    "SZ-01": (of(SizerContract, sizers.NotANumber), "quantity is nan (price "),
    "SZ-02": (of(SizerContract, sizers.Sorts), "the sizer changed portfolio.closed_net_pnl"),
    "SZ-03": (of(SizerContract, sizers.Counts), "the answer was Sizing("),
    "SZ-04": (of(SizerContract, sizers.Leveraged), "exceeds what is available (price "),
    "SZ-05": (
        of(SizerContract, sizers.RiskShare, build=lambda self: sizers.RiskShare(math.inf)),
        "min_notional is inf",
    ),
    "SZ-06": (of(SizerContract, Shrinks), "twice the account gets "),
    "SZ-07": (of(SizerContract, ByVolatility), "quantity is nan (price "),
    "SZ-08": (of(SizerContract, MissesHalf), "by the compiled form"),
    "RR-01": (of(RiskRuleContract, lambda: rules.answering(False)), "check returned False (notional "),
    "RR-02": (of(RiskRuleContract, CountsQuestions), "the answer was 'question "),
    "RR-03": (of(RiskRuleContract, rules.Empties), "check changed portfolio."),
    "RR-04": (of(RiskRuleContract, rules.NeedsBars), "IndexError: index -20 is out of bounds"),
    "RR-05": (of(RiskRuleContract, rules.DailyBars, build=lambda self: rules.DailyBars()), "warmup is nan"),
    "RR-06": (of(RiskRuleContract, rules.WatchesNews), "watches is ('news',); it must name some of trades"),
    "RR-07": (of(RiskRuleContract, lambda: rules.tripping(reason=lambda market: "")), "trip gives no reason"),
    "RR-08": (of(RiskRuleContract, rules.CountsTrips), "trip was Trip("),
    "RR-09": (of(RiskRuleContract, ShareOfEquity), "ValueError: "),
    "RR-10": (of(RiskRuleContract, RefusesMore), "check answers None, and ('two are enough'"),
    "AS-01": (of(AlertSinkContract, others.NeedsAnAlert), "IndexError: pop from empty list"),
    "AS-02": (of(AlertSinkContract, others.FewLevels), "KeyError: 'success'"),
    "AS-03": (of(AlertSinkContract, others.Ascii), "UnicodeEncodeError: 'ascii' codec"),
    "AS-04": (of(AlertSinkContract, others.OneThread), "send on another thread raised [RuntimeError('wrong thread')]"),
    "AS-05": (of(AlertSinkContract, others.Few), "KeyError: 'engine_started'"),
    "AS-06": (leaking, "the secret of option 'token' is shown"),
    "AS-07": (of(AlertSinkContract, others.Grabs), "Grabs has the option only, which belongs to the pipeline"),
    "AS-08": (of(AlertSinkContract, OneAtATime), "at once raised [RuntimeError('two alerts at once')"),
    "RN-01": (
        of(RunnerContract, lambda: others.changed(kind=lambda result: "backtest")),
        "kind is 'backtest'; it must be 'it'",
    ),
    "RN-02": (
        of(RunnerContract, lambda: others.changed(metrics=lambda result: {"profit_factor": math.inf})),
        "the metrics are not plain finite values",
    ),
    "RN-03": (
        of(RunnerContract, lambda: others.changed(tables=others.only_when_full)),
        "without trades there is no table 'trades'",
    ),
    "RN-04": (
        of(RunnerContract, lambda: others.changed(metrics=lambda result: {"n": next(CALLS)})),
        "the metrics differ between two runs",
    ),
    "RN-05": (of(RunnerContract, others.Percents), "progress is told [50.0, "),
    "RN-06": (of(RunnerContract, others.LateNews), "is told before trade_closed of 2023-01-02 00:00 UTC"),
    "RN-07": (of(RunnerContract, RewritesCandles), "the runner changed bars.volume of the TEST/USDT market"),
    "BR-01": (broker(brokers.FillsTwice), "a market order of 1 filled 2"),
    "BR-02": (broker(brokers.CountsFromTheEnd), "fills_since(1) gave ["),
    "BR-03": (broker(brokers.Unsigned), "balances says 2.0; the fills add up to 1.0"),
    "BR-04": (broker(brokers.KeepsCancelled), "a cancelled order is still open: [Order(order_id='stop'"),
    "BR-05": (broker(brokers.Ungrouped), "stop filled, and still open are [Order(order_id='target'"),
    "BR-06": (broker(brokers.TakesAnything), "an order for NOSUCH/SYMBOL is taken"),
    "BR-07": (broker(brokers.HandsOut), "what it told before changed with the next order"),
    "BR-08": (broker(brokers.Forgetful), "an order of 1 that was sent again filled 2"),
    "EX-01": (of(ExecutorContract, executors.Loses), "25 items gave the indices"),
    "EX-02": (of(ExecutorContract, executors.Invents), "no items gave results"),
    "EX-03": (of(ExecutorContract, executors.Swallows), "the caller saw nothing of it"),
    "EX-04": (of(ExecutorContract, executors.OnlyOnce), "closing raised RuntimeError: closed too early"),
    "RP-01": (of(ReporterContract, others.Averages), "ZeroDivisionError"),
    "RP-02": (of(ReporterContract, others.WorkingDirectory), "without a folder the reporter writes report.txt"),
    "RP-03": (of(ReporterContract, others.Beside), "latest.txt outside the run folder"),
    "RP-04": (of(ReporterContract, others.Numbered), "two reports of one result differ in report.txt"),
    "RP-05": (of(ReporterContract, others.Sorts), "the reporter changed column trades.net_pnl (8 trades)"),
    "RP-06": (of(ReporterContract, LogPrices), "ValueError: "),
    "OB-01": (of(ObserverContract, others.Deaf), "Deaf has none of the events run_prepared, run_started"),
    "OB-02": (of(ObserverContract, others.SeedsMetrics), "AttributeError: 'Trade' object has no attribute"),
    "OB-03": (of(ObserverContract, others.LastOfAll), "IndexError: pop from empty list"),
    "OB-04": (of(ObserverContract, others.MovesStops), "order_filled changed stop of what it was told"),
    "OB-05": (of(ObserverContract, PerEquity), "ZeroDivisionError: float division by zero"),
    "OJ-01": (of(ObjectiveContract, others.Endless), "score returned inf; what has none is None"),
    "OJ-02": (of(ObjectiveContract, others.Never), "no result has a score"),
    "OJ-03": (of(ObjectiveContract, others.Counts), "the score is "),
    "OJ-04": (of(ObjectiveContract, others.Ranks), "the objective changed column trades.net_pnl (8 trades)"),
    "OJ-05": (of(ObjectiveContract, Inverse), "ZeroDivisionError: float division by zero"),
}


@pytest.mark.parametrize("number", BROKEN)
def test_a_component_that_breaks_the_case_is_told_why(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, problem = BROKEN[number]
    tested = make(tmp_path, monkeypatch)
    text = complaint(tested, number)
    assert problem in text
    assert f"{number} of the {tested.kind} contract, component 'it'" in text


def test_there_is_a_broken_component_for_every_case_and_for_no_other() -> None:
    assert set(BROKEN) == {number for contract in common.SUITES for number in contract.cases}


@pytest.mark.parametrize(
    "contract, broken, problem",
    [
        (CostModelContract, LocalTime, "the costs for a taker buy of 1 at 1e-06 after bar"),
        (CostModelContract, YearOfClock, "option 'schedule' is "),
        (ReporterContract, AsciiReport, "it fails in a process of another time zone, locale, hash seed and wall clock"),
    ],
)
def test_time_zone_clock_and_locale_are_caught(contract: type[Contract], broken: type[Any], problem: str) -> None:
    assert problem in complaint(suite(contract, broken), "CO-13")


@pytest.mark.parametrize(
    "contract, honest, attributes",
    [
        (StrategyContract, strategies.Hourly, {"informative": ("1h",)}),
        (BarStrategyContract, strategies.Trailing, {}),
        (CostModelContract, costs.RangeCosts, {}),
        (SizerContract, sizers.RiskShare, {}),
        (RiskRuleContract, rules.LossBreaker, {}),
        (DataSourceContract, sources.Memory, {"symbols": tuple(sources.SERIES), "timeframe": "1h"}),
        (RunnerContract, others.CountsEntries, {}),
        (ReporterContract, others.Lines, {}),
        (ObjectiveContract, others.Growth, {}),
        (ObserverContract, others.Listens, {}),
        (AlertSinkContract, others.Keeps, {}),
        (ExecutorContract, executors.Backwards, {}),
    ],
)
def test_honest_components_say_the_same_elsewhere(
    contract: type[Contract], honest: type[Any], attributes: dict[str, Any]
) -> None:
    suite(contract, honest, **attributes).test_co13_same_answers_elsewhere()


def test_an_import_that_connects_or_fails_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calls_home.py").write_text("import socket\nsocket.getaddrinfo('localhost', 9)\nclass It: pass\n")
    text = common.registering().replace("quantsail_framework.testing.fakes:FakeCosts", "calls_home:It")
    tested = common.plugin_in(tmp_path, monkeypatch, "light_but_calls_home", text)
    tested.test_co01_plugin_module_is_light()
    assert "importing calls_home uses the network (socket.getaddrinfo)" in complaint(tested, "CO-11")
