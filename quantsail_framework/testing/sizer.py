"""The contract of sizers: a finite quantity that the account can pay, from state that is only read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from quantsail_framework.domain.order import Sizing
from quantsail_framework.ports.warmup import declared_warmup
from quantsail_framework.testing.accounts import (
    Situation,
    expect_unchanged,
    extreme_situations,
    figures,
    scaled_account,
    situations,
)
from quantsail_framework.testing.compiled import check_sizes
from quantsail_framework.testing.contract import Contract, case, expect

SITUATIONS = 400
TRIALS = 20
# An account that was computed in floats may be exceeded by rounding only.
ROUNDING = 1e-9


class SizerContract(Contract, suite=True):
    """Cases for ``Sizer``, asked in 400 random situations (accounts, prices, stops, markets)."""

    kind: ClassVar[str] = "sizer"
    methods: ClassVar[dict[str, int]] = {"size": 4}

    def ask(self, sizer: Any, situation: Situation) -> Any:
        """The sizer's answer."""
        return size_of(sizer, situation)

    def questions(self) -> Any:
        """The seed of the situations, which hold functions and cannot be sent."""
        return 5

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The size in some situations."""
        asked = enumerate(situations(TRIALS, seed=questions))
        return {f"the size {_words(each)} ({number})": size_of(component, each) for number, each in asked}

    def try_out(self, component: Any) -> None:
        """Ask for the size in some situations."""
        for situation in situations(TRIALS, seed=4):
            self.check_size(component, situation)

    def check_size(self, sizer: Any, situation: Situation) -> None:
        """Raise ContractError unless the answer is a Sizing with a possible quantity."""
        sizing, where = self.ask(sizer, situation), _words(situation)
        expect(isinstance(sizing, Sizing), f"size returned {type(sizing).__name__}, not Sizing")
        possible = math.isfinite(sizing.quantity) and sizing.quantity >= 0.0
        expect(possible, f"quantity is {sizing.quantity} {where}")
        expect(isinstance(sizing.bound_by, str) and sizing.bound_by, f"bound_by is {sizing.bound_by!r} {where}")

    @case("SZ-01")
    def test_sz01_quantity_is_a_size(self) -> None:
        """The answer is a Sizing with a finite quantity of zero or more and a word for what bound it. A negative or
        NaN quantity comes from an empty account, a negative equity or available cash, or a very near stop."""
        sizer = self.build()
        for situation in situations(SITUATIONS, seed=0):
            self.check_size(sizer, situation)

    @case("SZ-02")
    def test_sz02_reads_only(self) -> None:
        """The portfolio belongs to the engine: a sizer reads it and keeps nothing."""
        sizer = self.build()
        for situation in situations(SITUATIONS, seed=1):
            before = figures(situation.portfolio)
            self.ask(sizer, situation)
            expect_unchanged("the sizer", before, situation.portfolio)

    @case("SZ-03")
    def test_sz03_deterministic(self) -> None:
        """The same question gives the same size, whatever was asked before: no state, clock or random number."""
        sizer = self.build()
        asked = list(situations(SITUATIONS, seed=2))
        first = [self.ask(sizer, situation) for situation in asked]
        for situation, before in reversed(list(zip(asked, first, strict=True))):
            again = self.ask(self.build() if situation is asked[0] else sizer, situation)
            expect(again == before, f"the answer was {before} and is now {again} {_words(situation)}")

    @case("SZ-04")
    def test_sz04_fits_the_available_cash(self) -> None:
        """The notional stays within portfolio.available, which already holds back short collateral and waiting
        entries; nothing is available when it is negative. There is no leverage."""
        sizer = self.build()
        for situation in situations(SITUATIONS, seed=3):
            notional = self.ask(sizer, situation).quantity * situation.signal.price
            limit = max(0.0, situation.portfolio.available)
            expect(
                notional <= limit * (1.0 + ROUNDING),
                f"the notional {notional:.6g} exceeds what is available {_words(situation)}",
            )

    @case("SZ-05")
    def test_sz05_min_notional_is_a_number(self) -> None:
        """``min_notional``, where the sizer has it, is a finite amount of quote currency, zero or more."""
        minimum = getattr(self.build(), "min_notional", 0.0)
        expect(math.isfinite(minimum) and minimum >= 0.0, f"min_notional is {minimum}")

    @case("SZ-06")
    def test_sz06_grows_with_the_account(self) -> None:
        """The same signal with twice the cash, equity and available cash gets as much or more: an account that grows
        does not trade less. Usual causes: a cap or a reserve that is taken off twice, a share in percent of itself."""
        sizer = self.build()
        for situation in situations(SITUATIONS, seed=5):
            small, large = (self.ask(sizer, scaled_account(situation, factor)).quantity for factor in (1.0, 2.0))
            grows = large >= small * (1.0 - ROUNDING)
            expect(grows, f"twice the account gets {large:.6g} instead of {small:.6g} {_words(situation)}")

    @case("SZ-07")
    def test_sz07_extreme_situations(self) -> None:
        """A market of one price, of 1e-8 or 1e12, of closes ten times away or without volume, a stop next to the price,
        and accounts from a millionth to a quadrillion, also in debt: a size like any other, within what there is."""
        sizer = self.build()
        for situation in extreme_situations(declared_warmup(sizer)):
            self.check_size(sizer, situation)
            notional = self.ask(sizer, situation).quantity * situation.signal.price
            limit = max(0.0, situation.portfolio.available)
            expect(
                notional <= limit * (1.0 + ROUNDING),
                f"the notional {notional:.6g} exceeds what is available {_words(situation)}",
            )

    @case("SZ-08")
    def test_sz08_compiled_form_agrees(self) -> None:
        """``compiled``, where the sizer has it, gives a form that can be compiled and comes to the same quantity, to
        the last bit, and the same word: keep the order of the operations."""
        sizer = self.build()
        check_sizes(sizer, situations(SITUATIONS, seed=8))
        check_sizes(sizer, extreme_situations(declared_warmup(sizer)))


def size_of(sizer: Any, situation: Situation) -> Any:
    """The sizer's answer in ``situation``."""
    return sizer.size(situation.signal, situation.instrument, situation.portfolio, situation.market)


def _words(situation: Situation) -> str:
    asked, account = situation.signal, situation.portfolio
    return (
        f"(price {asked.price:.6g}, stop {asked.stop:.6g}, side {asked.side}, "
        f"equity {account.equity:.6g}, available {account.available:.6g})"
    )
