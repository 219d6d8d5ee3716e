"""Steps with limits, or as another user: what the kernel says of them, and what is said where it refuses."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from firing import fire
from support import job, rows, step

from batchctl.base.errors import CannotStartError, ConfigError
from batchctl.core.attempt import Command
from batchctl.core.limits import NONE, Limits, effective
from batchctl.process import confined
from batchctl.process.spawn import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a directory that every user may enter, with a state directory in it that only its owner may."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))  # another user cannot enter pytest's own
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def _said(state: Path, name: str = "1-1") -> str:
    return (state / f"runs/1/{name}.log").read_text()


def _limited(line: str, state: Path, **limits: Any) -> dict[str, Any]:
    return fire(job(step("1", line, limits=Limits(**limits))), state)


@pytest.mark.parametrize(
    ("job_says", "step_says", "holds"),
    [
        (NONE, NONE, None),
        (Limits(nice=5, user="a"), NONE, Limits(nice=5, user="a")),  # the job's go for all its steps
        (Limits(nice=5, user="a"), Limits(nice=0), Limits(nice=0, user="a")),  # key by key the step's go before
    ],
)
def test_limits_of_a_step(job_says: Limits, step_says: Limits, holds: Limits | None) -> None:
    """What a step says goes before what its job says, key by key."""
    assert effective(job_says, step_says) == holds


def test_niceness_and_io_class(tmp_path: Path) -> None:
    """Both hold for the step and whatever it starts, and for the next step no more."""
    line = "nice; ionice -p $$; (nice; ionice)"
    what = job(step("1", line, limits=Limits(nice=7, io_class="idle")), step("2", line))
    assert fire(what, tmp_path / "state")["code"] == 0
    assert _said(tmp_path / "state").split() == ["7", "idle", "7", "idle"]
    assert _said(tmp_path / "state", "2-1").split()[0] == "0"
    line = "ionice -p $$"
    assert _limited(line, tmp_path / "other", io_class="best-effort")["code"] == 0
    assert _said(tmp_path / "other") == "best-effort: prio 4\n"


def test_a_confined_step_is_a_step_like_any_other(tmp_path: Path) -> None:
    """Its stdin is empty, it leads a session, holds the lock and nothing else, dies of SIGPIPE, has its directory."""
    line = "cat; ps -o sid= -p $$; echo $$; ls /proc/self/fd | wc -l; pwd; yes | head -n 1; trap"
    where = tmp_path / "곳"
    where.mkdir()
    plain, own = job(step("1", line, cwd=str(where))), step("1", line, cwd=str(where), limits=Limits(nice=1))
    assert fire(plain, tmp_path / "plain")["code"] == fire(job(own), tmp_path / "own")["code"] == 0
    said = [_said(tmp_path / name).split() for name in ("plain", "own")]
    assert said[0][0] == said[0][1]
    assert said[1][0] == said[1][1]
    assert said[0][2:] == said[1][2:]
    assert str(where) in said[1]


@pytest.mark.parametrize(
    ("limits", "changes", "code", "why"),
    [
        ({"nice": 1}, {"argv": ("/nope/x",)}, 127, "there is no program '/nope/x'"),
        ({"nice": 1}, {"argv": ("nope-x",)}, 127, "there is no program 'nope-x' on PATH"),
        ({"nice": 1}, {"run": "true", "cwd": "/nope"}, 127, "there is no directory '/nope'"),
        ({"nice": 1}, {"argv": ("/etc/passwd",)}, 126, "cannot execute '/etc/passwd': Permission denied"),
    ],
)
def test_what_cannot_be_started_says_why(
    tmp_path: Path, limits: dict[str, Any], changes: dict[str, Any], code: int, why: str
) -> None:
    """In the words in which an unlimited step says it, and leaving no process behind."""
    found = fire(job(step("1", **changes, limits=Limits(**limits))), tmp_path / "state")
    assert found["code"] == 1
    assert found["steps"][0]["exit_code"] == code
    assert why in _said(tmp_path / "state")


def test_what_the_kernel_refuses_says_which_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step fails and names the key: nothing runs without what was asked for."""
    command = Command(argv=("true",), env={}, cwd=None, log=str(tmp_path / "log"), limits=Limits(nice=-5))

    def refuse(*_: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")  # as it is for all but root

    monkeypatch.setattr(os, "setpriority", refuse)
    with pytest.raises(CannotStartError, match="cannot execute 'true': nice = -5: Permission denied"):
        spawn(command)


@_ROOT
def test_another_user(shared: Path) -> None:
    """The step is that user, with its groups, home and names; its log and the state directory stay root's."""
    state = shared / "state"
    line = 'id -un; id -G; echo "$HOME $LOGNAME $USER"; pwd; cat /etc/shadow; ls /proc/self/root/root'
    found = _limited(line, state, user="www-data")
    home = os.path.expanduser("~www-data")
    said = _said(state).splitlines()
    assert said[:4] == ["www-data", "33", f"{home} www-data www-data", home if os.path.isdir(home) else "/"]
    assert "Permission denied" in said[4]
    assert found["status"] == "failed"
    log = os.stat(state / "runs/1/1-1.log")
    assert (log.st_uid, stat.S_IMODE(log.st_mode), stat.S_IMODE(state.stat().st_mode)) == (0, 0o600, 0o700)


@_ROOT
@pytest.mark.parametrize(
    "line",
    [
        'echo 3/4 > "$BATCHCTL_PROGRESS"; echo \'{"수": 7}\' > "$BATCHCTL_RESULT"',
        """/usr/bin/python3 -c "import os; open(os.environ['BATCHCTL_PROGRESS'], 'w').write('3/4')
open(os.environ['BATCHCTL_RESULT'], 'w').write('{\\"수\\": 7}')" """,
    ],
    ids=["shell", "python"],
)
def test_another_user_says_how_it_goes(shared: Path, line: str) -> None:
    """Progress and result come from a directory that the user cannot enter; a second attempt begins with none."""
    state = shared / "state"
    found = _limited(line, state, user="nobody")
    assert found["steps"][0]["result"] == {"수": 7}
    assert (state / "runs/1/1.progress").read_text().strip() == "3/4"


@_ROOT
def test_what_a_user_left_running_is_ended(shared: Path) -> None:
    """Its processes are the run's like any others: in a session of its own, without environment, it ends."""
    pid = shared / "pid"
    pid.touch()
    pid.chmod(0o666)
    line = f"env -i setsid --fork sh -c 'echo $$ > {pid}; exec sleep 600'; while ! test -s {pid}; do sleep 0.05; done"
    assert _limited(line, shared / "state", user="nobody")["code"] == 0
    assert not os.path.exists(f"/proc/{pid.read_text().strip()}")


@_ROOT
def test_a_function_is_checked_as_the_user_too(shared: Path) -> None:
    """Importing a module runs it: a user's module must not run as root, not even to see how it may be called."""
    if not os.access(confined.__file__, os.R_OK, effective_ids=True) or "/root/" in confined.__file__:
        pytest.skip("other users cannot read this batchctl")
    seen = shared / "seen"
    seen.touch()
    seen.chmod(0o666)
    module = f"import os\nopen({str(seen)!r}, 'a').write(f'{{os.geteuid()}} ')\ndef work(n):\n    return {{'n': n}}\n"
    (shared / "users_work.py").write_text(module)
    what = step("1", None, function="users_work:work", python="/usr/bin/python3", cwd=str(shared), params={"n": 7},
                limits=Limits(user="nobody"))  # fmt: skip
    found = fire(job(what), shared / "state")
    assert found["code"] == 0, found
    assert found["steps"][0]["result"] == {"n": 7}
    assert seen.read_text().split() == ["65534", "65534"]


@pytest.mark.parametrize(
    ("name", "uid", "says", "remedy"),
    [
        ("no-such-user", 0, "no such user", "adduser"),
        ("nobody", 12345, "only root can become another user", "root's crontab"),
    ],
)
def test_users_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, uid: int, says: str, remedy: str
) -> None:
    """Refused before anything starts, with the reason."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(ConfigError, match=says) as raised:
        confined.check_user(name)
    assert remedy in raised.value.remedy
    monkeypatch.undo()
    if uid == 0 and os.geteuid() == 0:
        assert _limited("true", tmp_path / "state", user=name)["code"] == 78
        assert rows(tmp_path / "state", "select count(*) from runs") == [(0,)]


def test_whom_batchctl_is_already_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that names the very user whose crontab fires it is in order."""
    found = confined.user("nobody")
    assert found is not None
    monkeypatch.setattr(os, "geteuid", lambda: found.uid)
    confined.check_user("nobody")


def test_memory_of_a_process_is_limited(tmp_path: Path) -> None:
    """Without a control group each process of the step gets no more than its share, and can say so itself."""
    line = "python3 -c 'bytearray(300 << 20)' 2>&1 | tail -n 1; python3 -c 'bytearray(100 << 20)' && echo fits"
    assert _limited(line, tmp_path / "state", memory_max=200 << 20)["code"] == 0
    assert _said(tmp_path / "state").split() == ["MemoryError", "fits"]
