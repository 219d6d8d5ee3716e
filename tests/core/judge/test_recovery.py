"""What mends a job that is broken, and what does not."""

from __future__ import annotations

import pytest

from batchctl.core.judge.recovery import broken_after


def steps(text: str) -> dict[str, str]:
    """Return the statuses of the steps 31, 32 and 33 from a letter each: ok, failed, blocked, skipped, timed out."""
    words = {"o": "succeeded", "f": "failed", "b": "blocked", "s": "skipped", "t": "timed_out", "c": "cancelled"}
    return {step: words[letter] for step, letter in zip(("31", "32", "33"), text, strict=True)}


@pytest.mark.parametrize(
    ("before", "status", "of", "after"),
    [
        ("", "failed", "ofb", "32"),  # what failed, and not what it blocked
        ("", "failed", "fof", "31 33"),  # all that failed
        ("", "timed_out", "otb", "32"),  # a budget
        ("", "lost", "obb", "32 33"),  # batchctl vanished between two steps: what it did not reach
        ("", "failed", "ooo", "31 32 33"),  # not what was expected: all of it again
        ("", "cancelled", "ocb", ""),  # an operator's own stop
        ("32", "cancelled", "ocb", "32"),  # it mends nothing either
        ("32", "cancelled", "oos", ""),  # but for what it did before
        ("32", "succeeded", "ooo", ""),  # a whole run
        ("32", "succeeded", "soo", ""),  # --resume, --from 32
        ("32", "succeeded", "sso", "32"),  # --only 33
        ("31 33", "succeeded", "oss", "33"),  # one of two
        ("31 33", "failed", "ofs", "32 33"),  # one mended, another broken
        ("30", "succeeded", "oss", ""),  # a step that is no more
    ],
)
def test_what_is_broken(before: str, status: str, of: str, after: str) -> None:
    """A step is broken from its failure until it succeeds."""
    assert broken_after(frozenset(before.split()), status, steps(of)) == frozenset(after.split())
