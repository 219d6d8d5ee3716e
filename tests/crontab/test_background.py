"""Commands that end with `&`: as a step they last as long as their programs, or are not enabled."""

from __future__ import annotations

import pytest

from batchctl.crontab.adopt import proposals


@pytest.mark.parametrize(
    ("command", "run", "complete"),
    [
        ("a > /log 2>&1 &", "a > /log 2>&1", True),
        ("a >> /log 2>&1 &", "a", True),  # then the log is taken off as ever
        ("cd /srv && nohup a &", "nohup a", True),
        ("flock -n /l a&", "a", True),
        ("a & # b", "a", True),
        ("a & b &", "a & b & wait", True),  # side by side, as before
        ("a & b & wait", "a & b & wait", True),  # waits by itself
        ("a && b", "a && b", True),  # no background
        ("a 2>&1 | b", "a 2>&1 | b", True),
        ("curl 'http://x/?a=1&b=2'", "curl 'http://x/?a=1&b=2'", True),
        ('curl "http://x/?a=1&"', 'curl "http://x/?a=1&"', True),
        (r"echo a \&", r"echo a \&", True),
        ("echo $((6 & 3))", "echo $((6 & 3))", True),
        ("a # b &", "a # b &", True),
        # what stays behind ends with the step, which nobody wants unasked
        ("a & b", "a & b", False),
        ("(a &)", "(a &)", False),
        ("sh -c 'a &'", "sh -c 'a &'", False),
        ("setsid a", "setsid a", False),  # forks where the shell is the leader of its group and becomes it
        ("setsid --wait a", "setsid --wait a", True),
        ("screen -dmS x a", "screen -dmS x a", False),
        ("start-stop-daemon --start --background --exec /a", "start-stop-daemon --start --background --exec /a", False),
    ],
)  # fmt: skip
def test_background(command: str, run: str, complete: bool) -> None:
    """The trailing & goes, and its programs are waited for; where that cannot be had, the job stays disabled."""
    (made,) = proposals(f"@daily {command}\n".encode(), []).proposals
    assert (made.table["run"], made.complete) == (run, complete)
    is_changed = command != run
    assert any("ran in the background" in note for note in made.notes) is is_changed
    assert any("may leave a program running behind it" in note for note in made.notes) is not complete
