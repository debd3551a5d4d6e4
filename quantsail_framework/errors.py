"""Every error that Quantsail raises on purpose, in one tree.

::

    QuantsailError                  exit code 1
    ├── InputError                  exit code 2: the user can mend it
    │   ├── PipelineError           the pipeline file: every problem at once
    │   ├── DataError               candles that are missing or cannot be trusted
    │   │   └── MissingSeriesError  the source has no candles of that symbol and timeframe
    │   ├── UnknownComponentError   no component of that kind and name
    │   ├── PluginError             a plugin that cannot be loaded or clashes with another
    │   └── ResultsError            a run folder that is missing, foreign or already there
    ├── DeliveryError               an alert sink could not deliver
    ├── FetchError                  a venue did not answer; what came is kept, the next call goes on
    └── RunError                    the run itself failed
        ├── AccountingError         an accounting identity or a fill invariant was broken
        └── ComponentError          a component broke the contract of its port
            └── NetworkDeniedError  a component reached for the network and had not declared it

A message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence


class QuantsailError(Exception):
    """The root: ``except QuantsailError`` catches all that Quantsail raises on purpose."""

    exit_code = 1


class InputError(QuantsailError):
    """Something the user gave is wrong; nothing was written."""

    exit_code = 2


class PipelineError(InputError):
    """A pipeline that cannot be run: one line per problem, all problems at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[PipelineError], tuple[Sequence[str]]]:
        return type(self), (self.problems,)  # else it comes from another process with a line a letter


class DataError(InputError):
    """Candles that are missing or cannot be trusted; names file, symbol, row and time."""


class MissingSeriesError(DataError):
    """The source has no candles of that symbol and timeframe; another timeframe may be there to make them from."""


class UnknownComponentError(InputError):
    """No component of that kind has that name; lists the installed ones and the nearest."""


class PluginError(InputError):
    """A plugin cannot be used; names its distribution and the remedy."""


class ResultsError(InputError):
    """A run folder is missing, is not one, or already exists."""


class DeliveryError(QuantsailError):
    """An alert was not delivered. Tried again, not before ``retry_after_s`` where the service says so, unless
    ``permanent``: the same alert would fail again."""

    def __init__(self, text: str, *, retry_after_s: float | None = None, permanent: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.permanent = permanent


class FetchError(QuantsailError):
    """Candles could not be fetched; names venue and symbol. What had come is stored, and the next call goes on."""


class RunError(QuantsailError):
    """The run started and could not finish."""


class AccountingError(RunError):
    """Money appeared or vanished, or a fill lies outside its bar: the run stops there."""


class ComponentError(RunError):
    """A component returned what its port forbids; names component, symbol and time."""


class NetworkDeniedError(ComponentError):
    """A component reached for the network in a run without declaring it; names component and address."""


def words(error: BaseException) -> str:
    """What an error says; its type too unless it is ours, whose texts say enough."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error of a stranger
        text = "it cannot say what"
    return text if isinstance(error, QuantsailError) else f"{type(error).__name__}: {text}"
