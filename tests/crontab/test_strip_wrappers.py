"""Wrappers of a crontab's command: what is taken off, and what stays because nobody can be sure."""

from __future__ import annotations

import pytest

from batchctl.crontab.naming import job_name
from batchctl.crontab.strip_wrappers import Stripped, strip_wrappers


@pytest.mark.parametrize(
    ("command", "rest", "found"),
    [
        # the usual nest
        (
            "cd /srv/shop && flock -n /run/a.lock timeout 6h python3 a.py --계정 '계정 1' >> /var/log/a.log 2>&1",
            "python3 a.py --계정 '계정 1'",
            {"cwd": "/srv/shop", "timeout": "6h", "locks": ("/run/a.lock",), "outputs": ("/var/log/a.log",)},
        ),
        # flock: its flags, its forms
        ("/usr/bin/flock -xn /l a b", "a b", {"locks": ("/l",)}),
        ("flock --nonblock -E 0 /l -c 'a && b'", "a && b", {"locks": ("/l",)}),
        ("flock -w 10 '/l k' a", "a", {"locks": ("/l k",)}),
        ("flock --wait=10 /l a", "a", {"locks": ("/l",)}),
        ("flock -s /l a", None, {"left": ("flock",)}),  # shared: readers may run side by side
        ("flock -n 9", None, {"left": ("flock",)}),  # a descriptor
        ("flock -n $LOCK a", None, {"left": ("flock",)}),  # nobody knows which file
        ("flock -n /l a || echo no", None, {"left": ("flock",)}),  # what follows depends on the lock
        ("(flock -n 9 || exit 1; a) 9>/l", None, {"left": ("flock",)}),
        # timeout: its units, its options
        ("timeout 90 a", "a", {"timeout": "90s"}),
        ("timeout -k 30s --signal=SIGTERM 1.5d a", "a", {"timeout": "1.5d", "grace": "30s"}),
        ("timeout --kill-after=5 --foreground 2m a", "a", {"timeout": "2m", "grace": "5s"}),
        ("timeout -s KILL 5 a", None, {"left": ("timeout",)}),  # another signal is another end
        ("timeout 0 a", None, {"left": ("timeout",)}),  # no limit at all
        ("timeout 1h timeout 2h a", "timeout 2h a", {"timeout": "1h", "left": ("timeout",)}),
        # output that is thrown away or logged
        ("a > /dev/null 2>&1", "a", {"outputs": ("/dev/null",)}),
        ("a >/dev/null 2>/dev/null", "a", {"outputs": ("/dev/null",)}),
        ("a 2>/dev/null", "a", {"outputs": ("/dev/null",)}),
        ("a &>> /l", "a", {"outputs": ("/l",)}),
        ('echo "$(date +%F) b" >> "/log/한글 로그" 2>&1', 'echo "$(date +%F) b"', {"outputs": ("/log/한글 로그",)}),
        # output that may be what the job is for
        ("mysqldump shop > /b/shop.sql", None, {"left": ("redirection",)}),
        ("a >> /data.csv", None, {"left": ("redirection",)}),
        ("a > /l 2>&1", None, {"left": ("redirection",)}),
        ("a >/x 2>>/y", None, {"left": ("redirection",)}),
        # of a pipe or a list only the last command is redirected
        ("a | b > /dev/null", None, {}),
        ("a; b > /dev/null 2>&1", None, {}),
        ("for i in 1 2; do a; done > /dev/null", None, {}),
        ("a < /x > /dev/null", None, {}),
        ("a > /dev/null &", None, {}),
        ("a # b > /dev/null", None, {}),
        ("a `b > /dev/null`", None, {}),
        ("a 'b > /dev/null 2>&1'", None, {}),
        # cd: where the place is plain and failing to get there is the end
        ("cd '/srv/내 상점' && ./run.sh", "./run.sh", {"cwd": "/srv/내 상점"}),
        ("cd ~/shop && a; b", "a; b", {"cwd": "~/shop"}),
        ("cd shop && a", None, {}),
        ("cd $HOME/shop && a", None, {}),
        ("cd /srv && a || b", None, {}),
        ("cd /srv; a", None, {}),
    ],
)  # fmt: skip
def test_unwrap(command: str, rest: str | None, found: dict[str, object]) -> None:
    """The wrapper becomes a key, or the command stays as it is."""
    expected = Stripped(**{"command": command if rest is None else rest, **found})  # type: ignore[arg-type]
    assert strip_wrappers(command) == expected


def test_a_lock_that_others_use_stays() -> None:
    """The command keeps its flock, and what is inside."""
    command = "flock -n /l timeout 5 a"
    assert strip_wrappers(command, {"/l"}) == Stripped(command=command, locks=("/l",), left=("flock", "timeout"))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/srv/shop/collect.py --all", "collect"),
        ("/usr/bin/python3 -u /srv/가격_갱신.py", "가격_갱신"),
        ("python3 -m shop.sync --all", "shop-sync"),
        ("python3 -c 'print(1)'", "python3"),
        ("php /srv/artisan schedule:run", "artisan-schedule-run"),
        ("nice -n 10 ionice -c3 FOO=1 /opt/backup.sh", "backup"),
        ("java -jar /opt/feed.jar", "feed"),
        ("cd /x; . ./env; ./run.sh", "run"),
        ("[ -x /srv/b.sh ] && flock -n /l /srv/b.sh", "b"),
        ("chronic nice flock -n /l timeout 5 /srv/b.sh", "b"),
        ("(flock -n 9 || exit 1; /srv/b.sh) 9>/l", "b"),
        ("test -x /a || { cd / && run-parts /etc/cron.daily; }", "run-parts"),
        ("/srv/prices/run.sh", "prices-run"),  # the folder says more than the name
        ("/usr/local/bin/run", "run"),
        ("echo 'unfinished", "echo"),
        ("!!!", "job"),
        ("x" * 80, "x" * 50),
    ],
)
def test_names(command: str, name: str) -> None:
    """A job is called after its program or script."""
    assert job_name(command, set()) == name
    assert job_name(command, {name, f"{name}-2"}) == f"{name}-3"
