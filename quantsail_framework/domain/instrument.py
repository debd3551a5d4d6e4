"""What a venue says of a market: price tick, lot and smallest notional, applied in exact decimals."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import attrs


def _positive(_instance: Instrument, field: attrs.Attribute[Decimal | None], value: Decimal | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"instrument {field.name} must be above zero, not {value}")


@attrs.frozen
class Instrument:
    """A market. ``tick`` and ``lot`` of None mean that the source does not know them: no rounding.

    ``tick`` is in quote currency per unit, ``lot`` in units of the base, ``min_notional`` in quote
    currency.
    """

    symbol: str
    tick: Decimal | None = attrs.field(default=None, validator=_positive)
    lot: Decimal | None = attrs.field(default=None, validator=_positive)
    min_notional: float = 0.0

    @property
    def has_rules(self) -> bool:
        """Whether the source knows any rule of this market."""
        return self.tick is not None or self.lot is not None or self.min_notional > 0

    def floor_price(self, price: float) -> float:
        """The highest tick at or below ``price``."""
        return price if self.tick is None else _to_step(price, self.tick, ROUND_FLOOR)

    def ceil_price(self, price: float) -> float:
        """The lowest tick at or above ``price``."""
        return price if self.tick is None else _to_step(price, self.tick, ROUND_CEILING)

    def price_text(self, price: float) -> str:
        """A price for people: the decimals of the tick, without one up to eight significant digits; no exponent.

        Of what is large two decimals are kept, however many digits that makes.
        """
        return _text(price, self.tick)

    def quantity_text(self, quantity: float) -> str:
        """A quantity for people: the decimals of the lot, else as prices without a tick."""
        return _text(quantity, self.lot)

    def floor_quantity(self, quantity: float) -> float:
        """The largest whole number of lots within ``quantity``."""
        return quantity if self.lot is None else _to_step(quantity, self.lot, ROUND_FLOOR)


def quote_currency(symbol: str) -> str | None:
    """What ``symbol`` is priced in: ``"USDT"`` for ``"BTC/USDT"`` and ``"BTC/USDT:USDT"``; None without a slash."""
    _, slash, quote = symbol.partition("/")
    return quote.partition(":")[0] if slash else None


def _text(value: float, step: Decimal | None) -> str:
    if step is None:
        digits = max(8, Decimal(repr(float(value))).adjusted() + 3)
        return f"{Decimal(f'{value:.{digits}g}'):f}"
    exponent = step.normalize().as_tuple().exponent
    return f"{value:.{max(0, -int(exponent))}f}"


def _to_step(value: float, step: Decimal, rounding: str) -> float:
    """Round to a multiple of ``step``. The float counts as the decimal that it prints as."""
    return float((Decimal(repr(float(value))) / step).to_integral_value(rounding) * step)
