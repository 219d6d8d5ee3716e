"""Normal numbers without chance."""

from __future__ import annotations

import statistics

import pytest

from batchctl.core.foresight.draws import NORMAL, POINTS, above, exceeded_by, places, widening


@pytest.mark.parametrize(
    ("share", "value"),
    [
        # the table at the end of any textbook
        (0.5, 0.0),
        (0.1, 1.2816),
        (0.025, 1.96),
        (0.975, -1.96),
        (0.001, 3.0902),
    ],
)
def test_shares_and_values_are_those_of_the_table(share: float, value: float) -> None:
    """Each is the other's inverse, as exactly as a forecast could need."""
    assert exceeded_by(share) == pytest.approx(value, abs=0.001)
    assert above(value) == pytest.approx(share, rel=0.001)


def test_every_dimension_has_each_value_once_and_in_an_order_of_its_own() -> None:
    """So each is normally distributed by itself, and hardly any two have to do with each other."""
    dimensions = [places(number) for number in range(12)]
    assert all(sorted(each) == list(range(POINTS)) for each in dimensions)
    assert (statistics.mean(NORMAL), statistics.pstdev(NORMAL)) == pytest.approx((0, 1), abs=0.01)
    for number, one in enumerate(dimensions):
        for other in dimensions[:number]:
            together = statistics.correlation([NORMAL[a] for a in one], [NORMAL[b] for b in other])
            assert abs(together) < 0.2


@pytest.mark.parametrize(("freedom", "bound"), [(4, 1.533), (9, 1.383), (30, 1.310)])
def test_normal_values_with_an_uncertain_spread_are_students(freedom: int, bound: float) -> None:
    """One in ten lies above the bound that the table of Student's t gives for so many degrees of freedom."""
    factors = widening(freedom)
    drawn = sorted(factors[width] * NORMAL[value] for width, value in zip(places(1), places(2), strict=True))
    assert drawn[round(0.9 * POINTS)] == pytest.approx(bound, rel=0.05)
