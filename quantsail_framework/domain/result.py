"""What a runner returns: tables of columns, metrics, and a verdict where there is one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from quantsail_framework.domain.bars import Bars

Column = npt.NDArray[Any]
Table = Mapping[str, Column]
_NO_TIME = np.iinfo(np.int64).min


def _no_tables() -> Mapping[str, Table]:
    return {}


def _no_market() -> Mapping[str, Bars]:
    return {}


@attrs.frozen(eq=False, repr=False)
class RunResult:
    """The result of one run, the same shape whatever happened; no trades is a result too.

    ``kind``: the runner's name. ``tables``: name to columns of one length; times are int64
    nanoseconds UTC in columns named ``time`` or ``*_time``, text columns are object arrays,
    a missing number is NaN (written as null). ``metrics``: plain values, None where undefined.
    ``undefined``: why each None is None. ``facts``: what the manifest adds (data hashes,
    first_tradable, ...). ``notes``: what the user should know, one sentence each. ``market``: the candles
    by symbol, for reporters that draw them; no file of the run folder holds them.
    """

    kind: str
    name: str
    tables: Mapping[str, Table] = attrs.field(factory=_no_tables)
    metrics: Mapping[str, Any] = attrs.field(factory=dict)
    undefined: Mapping[str, str] = attrs.field(factory=dict)
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    verdict: str | None = None
    market: Mapping[str, Bars] = attrs.field(factory=_no_market)

    @property
    def trades(self) -> Table:
        """The trades table."""
        return self.tables["trades"]

    @property
    def equity(self) -> Table:
        """The equity table."""
        return self.tables["equity"]

    @property
    def refusals(self) -> Table:
        """The refusals table."""
        return self.tables["refusals"]

    def frame(self, table: str) -> pd.DataFrame:
        """One table as a pandas DataFrame, times as UTC timestamps."""
        import pandas as pd

        columns = {name: _with_zone(name, values) for name, values in self.tables[table].items()}
        return pd.DataFrame(columns)

    def trades_frame(self) -> pd.DataFrame:
        """The trades as a pandas DataFrame."""
        return self.frame("trades")

    def equity_frame(self) -> pd.DataFrame:
        """The equity curve as a pandas DataFrame indexed by time."""
        return self.frame("equity").set_index("time")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(next(iter(columns.values()), ()))} {name}" for name, columns in self.tables.items())
        return f"RunResult({self.kind!r}, {self.name!r}, {sizes})"


class CurveFacts(NamedTuple):
    """What is known of an equity curve from when it was drawn: the metrics of these names."""

    max_drawdown: float
    max_drawdown_duration_days: float
    exposure_time: float


@attrs.frozen
class Criterion:
    """One condition of a verdict, of ``facts["criteria"]``: ``value`` (None where undefined) beside ``limit``."""

    name: str
    value: float | None
    limit: float
    passed: bool


def is_time_column(name: str) -> bool:
    """Whether a column of that name holds times (int64 nanoseconds UTC); one named by a dotted path holds an option."""
    return name == "time" or (name.endswith("_time") and "." not in name)


def plain_rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as Python values, for what holds no arrays: one value per column.

    Times are ISO 8601 in UTC (``2024-01-31T23:55:00Z``; with nanoseconds in a column where one has a fraction of a
    second), what is NaN or missing is None. Raises ValueError when columns differ in length.
    """
    return zip(*(_plain_column(name, np.asarray(column)) for name, column in table.items()), strict=True)


def _plain_column(name: str, column: Column) -> list[Any]:
    if is_time_column(name):
        return _moments(column.astype(np.int64))
    if column.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in column.tolist()]
    return [value.item() if isinstance(value, np.generic) else value for value in column.tolist()]


def _moments(times: Column) -> list[str | None]:
    known = times != _NO_TIME
    unit: Any = "ns" if (times[known] % 1_000_000_000).any() else "s"
    texts = np.datetime_as_string(times.astype("datetime64[ns]"), unit=unit).tolist()
    return [f"{text}Z" if has else None for text, has in zip(texts, known.tolist(), strict=True)]


def _with_zone(name: str, values: Column) -> Any:
    import pandas as pd

    if not is_time_column(name):
        return values
    return pd.DatetimeIndex(values.astype(np.int64).astype("datetime64[ns]")).tz_localize("UTC")
