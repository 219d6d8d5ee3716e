"""Normally distributed numbers without chance: the same ones each time, spread more evenly than dice would.

A forecast weighs up POINTS courses that a run may take. In each, every uncertain quantity (a dimension) has one of
POINTS equally likely values, and each value once over all courses; which course gets which is the lattice of Korobov
(1959): course i has value number i * 46^d modulo 251 in dimension d. 251 is a prime, and 46 the generator that leaves
the dimensions least correlated.
"""

from __future__ import annotations

from math import erfc, log, sqrt

POINTS = 251
_GENERATOR = 46


def places(dimension: int) -> list[int]:
    """Return for each course the number of its value in this dimension."""
    factor = pow(_GENERATOR, dimension, POINTS)
    return [course * factor % POINTS for course in range(POINTS)]


def above(value: float) -> float:
    """Return the share of standard normal values above this one."""
    return 0.5 * erfc(value * sqrt(0.5))


def exceeded_by(share: float) -> float:
    """Return the standard normal value that this share lies above: Abramowitz & Stegun 26.2.23, within 0.0005."""
    if share > 0.5:  # noqa: PLR2004 - the formula holds for the upper half
        return -exceeded_by(1 - share)
    root = sqrt(-2 * log(max(share, 1e-300)))
    above_line = 2.515517 + root * (0.802853 + root * 0.010328)
    below_line = 1 + root * (1.432788 + root * (0.189269 + root * 0.001308))
    return root - above_line / below_line


NORMAL = tuple(exceeded_by(1 - (place + 0.5) / POINTS) for place in range(POINTS))
"""The values of every dimension, ascending."""


def widening(freedom: float) -> list[float]:
    """Return by what factors a spread that is known from so many degrees of freedom may really be wider or narrower.

    They make a normal value one of Student's t; the quantiles of chi squared are those of Wilson and Hilferty (1931).
    """
    part = 2 / (9 * freedom)
    return [max(1 - part + value * sqrt(part), 0.1) ** -1.5 for value in NORMAL]
