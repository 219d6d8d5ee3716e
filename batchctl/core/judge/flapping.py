"""A job that goes back and forth between success and failure: told once, and then not at every turn.

Pure. Instants are seconds since the epoch.
"""

from __future__ import annotations

from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKED_AT = 50
"""Newest ends that are looked at."""
_TURNS = 3
_STEADY = 3
"""Ends alike in a row that make it steady again, however soon they come."""


def turns(ends: Sequence[tuple[bool, float]], since: float) -> int:
    """Return how often a job has turned between success and failure since an instant; 0 where it does not flap.

    `ends` are whether a run succeeded and when it ended, newest first. Fewer than three turns are what a failure and
    its repair look like.
    """
    newest = [good for good, _ in ends[:_STEADY]]
    if len(newest) < _STEADY or len(set(newest)) == 1:
        return 0
    count = sum(good != before for (good, at), (before, _) in pairwise(ends) if at > since)
    return count if count >= _TURNS else 0
