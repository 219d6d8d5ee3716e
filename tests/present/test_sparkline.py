"""Letters as pictures."""

from __future__ import annotations

import pytest

from batchctl.present import sparkline as module
from batchctl.present.sparkline import bar, sparkline


@pytest.fixture(params=[False, True], ids=["unicode", "ascii"])
def ascii_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Be at a terminal of either kind."""
    monkeypatch.setattr(module, "plain", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize(
    ("values", "width", "unicode", "plain"),
    [
        ([], None, "", ""),  # nothing to show
        ([0.0, 7.0, 14.0], None, "▁▅█", "_=#"),  # from least to most
        ([26.0, 26.0], None, "██", "##"),  # no change at all
        ([100.0, 97.0, 100.0], None, "█▇█", "#*#"),  # a little noise does not look like a collapse
        ([1.0, None, 9.0], None, "▁ █", "_ #"),  # a gap stays a gap
        ([None, None], None, "  ", "  "),  # only gaps
        ([1.0, 2.0, 9.0], 2, "▁█", "_#"),  # the newest have room
    ],
)
def test_sparkline(ascii_only: bool, values: list[float | None], width: int | None, unicode: str, plain: str) -> None:
    """One sign per value, in ASCII where nothing else is safe."""
    assert sparkline(values, width) == (plain if ascii_only else unicode)


@pytest.mark.parametrize(
    ("share", "unicode", "plain"),
    [
        (0.0, "", ""),  # nothing
        (1.0, "████", "####"),  # all of it
        (0.5, "██", "##"),  # half
        (0.001, "▏", "#"),  # little is not nothing
        (7.0, "████", "####"),  # never longer than its room
    ],
)
def test_bar(ascii_only: bool, share: float, unicode: str, plain: str) -> None:
    """A bar is as long as its share."""
    assert bar(share, 4) == (plain if ascii_only else unicode)
