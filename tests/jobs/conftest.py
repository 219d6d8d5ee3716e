"""What the tests of the catalogue's programs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sample data be those of one day, whatever today is."""
    monkeypatch.setenv("BATCHCTL_SAMPLE_DATE", "2026-11-24")


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Let nothing wait between the attempts of a request, however many there are."""
    import stamina

    with stamina.set_testing(True, attempts=99, cap=True):
        yield
