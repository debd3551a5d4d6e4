"""How something public goes away: it warns for two minor releases, and says which one it is gone in."""

from __future__ import annotations

import warnings


class QuantsailDeprecationWarning(DeprecationWarning):
    """Something public that a plugin or a notebook uses will be gone in a later release. pytest shows it."""


def warn_deprecated(what: str, *, since: str, removed_in: str, instead: str, stacklevel: int = 2) -> None:
    """Warn whoever called the function that calls this: ``what`` is deprecated and goes in release ``removed_in``.

    ``since`` is the release that first warns, two minor releases or a major one before. ``instead`` says what to use,
    as a command: ``"use Bars.from_frame"``. Write the releases as literals: a test of the core finds the calls whose
    time has come. ``stacklevel`` 3 means the caller's caller, for a helper between. ::

        def from_csv(path):
            warn_deprecated("Bars.from_csv", since="0.3", removed_in="0.5", instead="use Bars.from_file")
    """
    text = f"{what} is deprecated since quantsail-framework {since} and will be gone in {removed_in}; {instead}"
    warnings.warn(text, QuantsailDeprecationWarning, stacklevel=stacklevel + 1)
