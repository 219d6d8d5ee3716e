"""Lines of a crontab: which are batchctl's own, and whether each names a user."""

from __future__ import annotations

import pytest

from batchctl.crontab.adopt import proposals
from batchctl.crontab.entries import has_users


@pytest.mark.parametrize(
    ("command", "is_own"),
    [
        ("batchctl run x", True),
        ("/opt/venv/bin/batchctl --config '/a b/c' report --days 7", True),
        ("cd /srv && batchctl prune", True),
        ("sleep 30; batchctl check", True),
        ("BATCHCTL_STATE=/s nice -n 5 batchctl pause --for 2h", True),
        ("python3 -m batchctl status", True),
        ("[ -x /usr/bin/batchctl ] && batchctl catch-up", True),
        ("(flock -n 9 || exit 1; batchctl prune) 9>/l", True),
        ("[ -e /x ] || { batchctl prune; }", True),
        ("flock -n /l timeout 1h batchctl backup /b", True),
        ("sh -c 'batchctl resume'", True),
        # other things that are called so
        ("/srv/batchctl/collect.sh run", False),
        ("tar czf /b.tgz /etc/batchctl", False),
        ("cd /opt/batchctl && ./report.sh", False),
        ("flock -n /run/batchctl.lock /srv/a.sh run", False),
        ("echo batchctl run x", False),
    ],
)
def test_own_lines(command: str, is_own: bool) -> None:
    """A line that runs batchctl stays in the crontab and says so; no other does for a name in its text."""
    made = proposals(f"@daily {command}\n".encode(), [])
    assert [left.reason for left in made.left_out] == (
        ["runs batchctl itself, so the line stays in the crontab"] if is_own else []
    )
    assert len(made.proposals) == (not is_own)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SHELL=/bin/sh\nMAILTO=x\n17 * * * *\troot\tcd / && run-parts /etc/cron.hourly\n@daily shop /a.sh\n", True),
        ("25 6 * * * root test -x /a || b\n* * * * * www-data php artisan\n", True),
        ("# m h dom mon dow user\tcommand\n0 1 * * * shop python3 /srv/a.py\n", True),  # its title says so
        ("# *  *  *  *  * user-name  command\n0 1 * * * shop python3 /srv/a.py\n", True),  # another system's title
        ("# m h  dom mon dow   command\n0 1 * * * shop python3 /srv/a.py\n", False),  # the title of a user's own
        ("0 1 * * * shop python3 /srv/a.py\n", False),  # `shop` may be a program
        ("0 1 * * * python3 /srv/a.py\n0 2 * * * php /srv/b.php\n", False),
        ("0 1 * * * root /srv/a.sh\n0 2 * * * /srv/b.sh\n", False),  # not all
        ("0 1 * * * root\n", False),  # no command behind it
        ("0 1 * * * root && x\n", False),
        ("0 1 * * * root -v\n", False),  # an option, so a program
        ("# nothing\n", False),
    ],
)  # fmt: skip
def test_has_users(text: str, expected: bool) -> None:
    """A crontab of the system is known by its lines, wherever it came from."""
    assert has_users(text.encode(), {"root", "www-data"}) is expected
