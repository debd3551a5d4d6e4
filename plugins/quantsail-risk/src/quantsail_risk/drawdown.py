"""The fall of equity at which trading pauses or ends: the risk rule ``max-drawdown``."""

from __future__ import annotations

import attrs
from attrs.validators import gt, le

from quantsail_framework import Market, Portfolio, Reference, Trip
from quantsail_risk.breakers import Action, ActsAlone, Duration, action, duration, until_ns


@attrs.frozen
class MaxDrawdown(ActsAlone):
    """Trips at a close where (peak - equity) / peak * 100 >= ``pct``, for ``duration``.

    The peak is the highest equity at a close since the run began, the capital included, or since the
    last trip expired: on expiry it is the equity then. With ``duration = "run"`` it stops the run for
    good; with a length it is a breaker that lets trading go on from the new level.
    """

    pct: float = attrs.field(
        validator=[gt(0.0), le(100.0)],
        metadata={"doc": "Fall of equity from its peak at which it trips, in percent of the peak."},
    )
    duration: Duration = duration("run")
    action: Action = action()

    @property
    def watches(self) -> tuple[str, ...]:
        """Equity."""
        return ("equity",)

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        """A Trip with the drawdown in percent as its value."""
        fall = (reference.peak - portfolio.equity) / reference.peak * 100.0
        if fall < self.pct:
            return None
        text = f"equity has fallen {fall:.2f} % from its peak {reference.peak:.2f}, the limit is {self.pct:g} %"
        return Trip(until_ns(self.duration, portfolio, market), text, self.action, limit=self.pct, value=fall)
