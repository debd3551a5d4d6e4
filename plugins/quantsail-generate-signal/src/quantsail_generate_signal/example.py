"""What a class for ``generate-signal`` looks like; the contract suite runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class HigherCloses:
    """Buys after a row of rising closes, leaves after a falling one."""

    def __init__(self, symbol: str, rises: int = 3, stop_pct: float = 1.0) -> None:
        self.symbol = symbol
        self.rises = rises
        self.stop_pct = stop_pct

    def generate_signal(self, candles: pd.DataFrame) -> dict[str, Any]:
        """The dict for the last of ``candles``."""
        close = candles["close"].to_numpy()
        rising = close[1:] > close[:-1]
        if len(rising) >= self.rises and rising[-self.rises :].all():
            distance = close[-1] * self.stop_pct / 100
            return {
                "signal": "ENTER_LONG",
                "entry": close[-1],
                "stop": close[-1] - distance,
                "target": close[-1] + 2 * distance,
                "confidence": 0.6,
                "rationale": f"{self.rises} rising closes",
            }
        return {"signal": "NO_TRADE" if rising[-1:].all() else "EXIT"}
