"""Lock files in the commands of a crontab: which lines exclude each other, and what their jobs keep of that."""

from __future__ import annotations

import pytest

from batchctl.crontab.adopt import Found, proposals
from batchctl.crontab.locks import locks_in

F = "/srv/f.sh"


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("flock -n /l f", ["/l"]),
        ("/usr/bin/flock -xn -E 0 '/l k' f", ["/l k"]),  # a path, options with values, quotes
        ("flock --timeout=5 /l f", ["/l"]),
        ("flock -w $T /l f", ["/l"]),  # a value that nobody knows is still a value
        ("[ -x f ] && flock -n /l f", ["/l"]),
        ("(flock -n 9 || exit 1; f) 9>/l", ["/l"]),  # a descriptor, opened behind it
        ("exec 9>>/l; flock -n 9 && f", ["/l"]),  # and before it
        ("{ flock -x 200; f; } 200< '/l'", ["/l"]),
        ("flock -n 9 f", []),  # a descriptor that nothing opens
        ("chronic nice -n 5 flock -n /l f", ["/l"]),
        ('sh -c "flock -n /l f"', ["/l"]),
        ("flock -n /a flock -n /b f", ["/a", "/b"]),
        ("flock -u 9 9>/l", []),  # gives a lock back
        ("cat /var/lock/flock.txt", []),
        ("cd /srv && flock -n l f", ["/srv/l"]),  # relative to the place
        ("cd /srv; cd shop && flock -n ../l f", ["/srv/l"]),
        ("flock -n l f", ["~/l"]),  # cron starts in HOME
        ("flock -n ~/l f", ["~/l"]),
        ("flock -n $HOME/l f", ["~/l"]),
        ("flock -n ${RUN}/l f", ["/run/me/l"]),  # a variable of the crontab
        ("flock -n $OTHER/l f", ["$OTHER/l"]),
        ("flock -n /var/run/l f; flock -n /var/lock/k f", ["/run/l", "/run/lock/k"]),  # links on Debian
    ],
)  # fmt: skip
def test_locks_in(command: str, keys: list[str]) -> None:
    """The lock is found wherever flock stands, as the file that it is."""
    assert [lock.key for lock in locks_in(command, {"RUN": "/run/me"})] == keys


@pytest.mark.parametrize(
    ("options", "waits", "is_shared"),
    [
        ("-n", False, False),
        ("-xn", False, False),
        ("--nonblock", False, False),
        ("-w 0", False, False),  # no time to wait
        ("-w 10", True, False),
        ("--wait=10 -E 0", True, False),
        ("-x", True, False),  # for ever
        ("-sn", False, True),
        ("--shared", True, True),
    ],
)
def test_how_a_lock_is_taken(options: str, waits: bool, is_shared: bool) -> None:
    """Whether a command waits for it, and whether others may hold it too."""
    (lock,) = locks_in(f"flock {options} /l f", {})
    assert (lock.waits, lock.is_shared) == (waits, is_shared)


def found(*commands: str, **limits: int) -> Found:
    """Return what a crontab with these commands has, one a day each; a command with `@` has its own schedule."""
    lines = [command if command.startswith("@") else f"@daily {command}" for command in commands]
    return proposals("\n".join(lines).encode(), [], limits=limits)


@pytest.mark.parametrize(
    ("first", "second", "jobs", "pools"),
    [
        # both can be taken apart: the pool takes the place of the lock
        (f"flock -n /t/m.lock {F}", f"flock -n /t/m.lock {F}", [(F, "m"), (F, "m")], {"m": 1}),
        # the second cannot: its flock stays, and it is in the pool nevertheless
        (f"flock -n /m {F}", f"[ -x f ] && flock -n /m {F}", [(F, "m"), (None, "m")], {"m": 1}),
        (f"flock -n /m {F}", "(flock -n 9 || exit 1; f) 9>/m", [(F, "m"), (None, "m")], {"m": 1}),
        (f"flock -n /m {F}", "chronic nice flock -n /m f", [(F, "m"), (None, "m")], {"m": 1}),
        # nothing in common
        (f"flock -n /m {F}", f"flock -n /k {F}", [(F, None), (F, None)], {}),
        # a relative file in two places is two files
        ("cd /a && flock -n l f", "cd /b && flock -n l f", [("f", None), ("f", None)], {}),
        ("cd /a && flock -n l f", "flock -n /a/l f", [("f", "l"), ("f", "l")], {"l": 1}),
        # readers and a writer: a pool would keep the readers from each other
        ("flock -sn /m f", "flock -n /m f", [("flock -sn /m f", None), ("flock -n /m f", None)], {}),
        # a line that stays in the crontab knows no pool
        ("@reboot flock -n /m f", "flock -n /m g", [("flock -n /m g", None)], {}),
        ("flock -n /m batchctl prune", "flock -n /m g", [("flock -n /m g", None)], {}),
    ],
)  # fmt: skip
def test_two_lines(first: str, second: str, jobs: list[tuple[str | None, str | None]], pools: dict[str, int]) -> None:
    """Two lines that exclude each other keep doing so as jobs; a command of None is as it was."""
    made = found(first, second)
    assert [(job.table["run"], job.table.get("pool")) for job in made.proposals] == [
        (second if run is None else run, pool) for run, pool in jobs
    ]
    assert made.pools == pools
    assert all(job.complete for job in made.proposals)


def test_more_than_two() -> None:
    """Lines that stay keep the flock of all; a job has one pool, and a second lock stays in its command."""
    made = found("flock -n /m a", "flock -n /m b", "@reboot flock -n /m c")
    assert [(job.table["run"], job.table["pool"]) for job in made.proposals] == [
        ("flock -n /m a", "m"),
        ("flock -n /m b", "m"),
    ]
    made = found("flock -n /m flock -n /k a", "flock -n /m b", "flock -n /k c")
    assert [(job.table["run"], job.table.get("pool")) for job in made.proposals] == [
        ("flock -n /k a", "m"),
        ("b", "m"),
        ("flock -n /k c", None),
    ]
    assert "a start that finds it taken fails" in made.proposals[2].notes[0]


@pytest.mark.parametrize(
    ("commands", "limits", "names", "new"),
    [
        # two files of one name
        ([f"flock -n /{place}/m x" for place in "aabb"], {}, ["m", "m", "m-2", "m-2"], {"m": 1, "m-2": 1}),
        (["flock -n /m x", "flock -n /m y"], {"m": 1}, ["m", "m"], {}),  # an earlier import made it
        (["flock -n /m x", "flock -n /m y"], {"m": 3}, ["m-2", "m-2"], {"m-2": 1}),  # not a pool that excludes
        (["flock -n /t/.lock x", "flock -n /t/.lock y"], {}, ["lock", "lock"], {"lock": 1}),
        (["flock -n '/t/내 상점.lock' x", "flock -n '/t/내 상점.lock' y"], {}, ["내-상점", "내-상점"], {"내-상점": 1}),
    ],
)  # fmt: skip
def test_names_of_pools(commands: list[str], limits: dict[str, int], names: list[str], new: dict[str, int]) -> None:
    """A pool is called after its lock file, and no other pool."""
    made = found(*commands, **limits)
    assert [job.table["pool"] for job in made.proposals] == names
    assert made.pools == new


@pytest.mark.parametrize(
    ("commands", "note"),
    [
        (["flock -n /m x"], "flock /m is left to batchctl, which never starts a job twice"),
        (["flock -w 10 /m x"], "never starts a job twice; where it waited for the lock, a fire is now skipped"),
        (["flock /m x"], "where it waited for the lock, a fire is now skipped"),  # waits for ever
        (["[ -x x ] && flock -n /m x"], "flock /m stays in the command"),
        (["flock -n /m x", "flock -n /m y"], 'became pool = "m", of which one job runs at a time: it excludes line 2'),
        (["flock -n /m x", "flock -n /m y"], "take these lines out of the crontab together"),
        (["flock -w 9 /m x", "flock -n /m y"], "where it waited for the lock, a fire is now skipped"),
        (["chronic flock -n /m x", "flock -n /m y", "flock -n /m z"], "lines 2 and 3; it stays in the command as well"),
        (["flock -sw 9 /m x", "flock -n /m y"], "line 2 uses it too; a start that finds it taken waits inside its run"),
        (["flock -sn /m x", "flock -n /m y"], "uses it too; a start that finds it taken fails, and is no skip"),
        (["flock -s /m x"], "flock /m stays in the command"),
    ],
)  # fmt: skip
def test_notes(commands: list[str], note: str) -> None:
    """Each job says what became of its lock, and of waiting for it."""
    (said,) = found(*commands).proposals[0].notes
    assert note in said
