"""Figures as people read them."""

from __future__ import annotations

import pytest

from quantsail_report import numbers


@pytest.mark.parametrize(
    "fraction, shown",
    [(0.1234, "+12.34%"), (-0.5, "-50.00%"), (12.0, "+1,200.00%"), (0.0, "0.00%"), (-0.00001, "0.00%"), (None, "-")],
)
def test_changes_carry_their_sign(fraction: float | None, shown: str) -> None:
    assert numbers.change(fraction) == shown


def test_nothing_is_shown_as_minus_zero() -> None:
    assert numbers.percent(-0.00001) == "0.00%"
    assert numbers.ratio(-0.001) == "0.00"
    assert numbers.Money(10_000.0).result(-0.001) == "0.00"


@pytest.mark.parametrize(
    "capital, shown", [(None, "1,234.50"), (10_000.0, "1,234.50"), (50.0, "1,234.5000"), (0.5, "1,234.50000000")]
)
def test_decimals_suit_the_account(capital: float | None, shown: str) -> None:
    assert numbers.Money(capital).amount(1234.5) == shown


@pytest.mark.parametrize(
    "value, shown",
    [(True, "yes"), (1_000, "1,000"), (0.61234567, "0.612346"), (None, "-"), ("adx", "adx"), ([1, 2], "2 values")],
)
def test_unknown_metrics_are_shown_somehow(value: object, shown: str) -> None:
    assert numbers.general(value) == shown


def test_times_are_utc() -> None:
    assert numbers.moment(1_704_067_200_000_000_000) == "2024-01-01 00:00"
    assert numbers.date(1_704_067_200_000_000_000) == "2024-01-01"
