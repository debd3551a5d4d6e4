"""A risk that follows from what the run's trades have won and lost: the sizer ``kelly-fraction``."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import attrs
from attrs.validators import ge, gt, instance_of, le

from quantsail_framework import Instrument, Market, Portfolio, Signal, Sizing
from quantsail_framework.domain.trade import Outcome
from quantsail_sizing.caps import (
    INVALID_LEVELS,
    capped,
    cash_buffer,
    least_notional,
    participation_cap,
    participation_warmup,
    participation_window,
    position_cap,
    stop_distance,
)

KELLY = "kelly"
RISK = "risk"
FALLBACK = "fallback"


@attrs.frozen
class KellyFraction:
    """quantity = equity * f / |close - stop|, within the caps, f being the share of equity that is risked.

    f = ``fraction`` * (p / a - q / b), not above ``max_risk_per_trade_pct`` / 100. Over the last ``window``
    closed trades of the run, p and q = 1 - p are the shares of winners and losers among both, b and a
    their mean win and mean loss in units of what was risked (net_pnl / risk), both positive. This is the
    Kelly criterion for a bet that wins b with probability p and loses a with q (Thorp, The Kelly
    Criterion in Blackjack, Sports Betting, and the Stock Market, 2006, after Kelly 1956). Break-even
    trades change no growth rate: they count for ``min_trades`` only.

    ``bound_by``: ``kelly`` where f decides, ``risk`` where its cap does, ``fallback`` while fewer than
    ``min_trades`` trades have closed and ``fallback_risk_pct`` is risked. An f of zero or less, which
    is no edge, trades nothing; and since a run that does not trade learns nothing new, it stays so.
    """

    fraction: float = attrs.field(
        default=0.5, validator=[gt(0.0), le(1.0)], metadata={"doc": "Share of the full Kelly bet; 0.5 is half Kelly."}
    )
    max_risk_per_trade_pct: float = attrs.field(
        default=2.0,
        validator=[gt(0.0), le(100.0)],
        metadata={"doc": "Most that is risked, whatever Kelly says: loss at the stop in percent of equity."},
    )
    window: int = attrs.field(
        default=100,
        validator=[instance_of(int), ge(1)],
        metadata={"doc": "Closed trades that are looked at, the latest ones."},
    )
    min_trades: int = attrs.field(
        default=30,
        validator=[instance_of(int), ge(1)],
        metadata={"doc": "Closed trades from which on Kelly decides; at most the window."},
    )
    fallback_risk_pct: float = attrs.field(
        default=0.5,
        validator=[gt(0.0), le(100.0)],
        metadata={"doc": "Risk while fewer trades have closed: loss at the stop in percent of equity."},
    )
    max_position_pct_equity: float = position_cap(10.0)
    cash_buffer_pct: float = cash_buffer()
    min_notional: float = least_notional()
    max_participation_pct: float | None = participation_cap()
    participation_window: int = participation_window()

    def __attrs_post_init__(self) -> None:
        if self.min_trades > self.window:
            raise ValueError(f"min_trades ({self.min_trades}) must not be above window ({self.window})")

    @property
    def warmup(self) -> int:
        """Bars that the cap on participation needs."""
        return participation_warmup(self)

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        """Quantity 0 where a stop is not beyond the close (``invalid_levels``), or Kelly sees no edge."""
        distance = stop_distance(signal)
        if distance is None:
            return Sizing(0.0, INVALID_LEVELS)
        share, bound_by = self._share(portfolio.trades)
        return capped(self, portfolio.equity * share / distance, bound_by, signal, portfolio, market)

    def _share(self, trades: Sequence[Outcome]) -> tuple[float, str]:
        """The share of equity to risk, and what decided it."""
        if len(trades) < self.min_trades:
            return self.fallback_risk_pct / 100.0, FALLBACK
        kelly = self.fraction * kelly_share([trade.net_pnl / trade.risk for trade in trades[-self.window :]])
        most = self.max_risk_per_trade_pct / 100.0
        return (kelly, KELLY) if kelly <= most else (most, RISK)


def kelly_share(results: Sequence[float]) -> float:
    """The full Kelly bet p / a - q / b on ``results``, in units of the risk.

    Infinite without a loser, minus infinite without a winner, zero without either.
    """
    wins = [result for result in results if result > 0.0]
    losses = [-result for result in results if result < 0.0]
    if not wins or not losses:
        return inf if wins else -inf if losses else 0.0
    decided = len(wins) + len(losses)
    p, q = len(wins) / decided, len(losses) / decided
    return p / (sum(losses) / len(losses)) - q / (sum(wins) / len(wins))
