"""Writing alerts beside what they tell of, and sending them to endpoints of every kind."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from apprise import Apprise
from endpoints import Mail, Stopwatch, Web, free_port, without_proxy
from history_rows import Rows
from support import alive, job, patience, rows, wait_for

from batchctl.base import clock
from batchctl.core import model
from batchctl.core.judge import alerts
from batchctl.core.model import Alerting, Window
from batchctl.notify import channels, ends
from batchctl.notify.schemes import SCHEMES
from batchctl.notify.send import send_due
from batchctl.store import database, outbox, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batchctl.core.model import Job

JOB = job().name


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Run a web server."""
    without_proxy(monkeypatch)
    server = Web()
    yield server
    server.close()


@pytest.fixture
def mail() -> Iterator[Mail]:
    """Run a mail server."""
    server = Mail()
    yield server
    server.close()


@pytest.fixture
def history(tmp_path: Path) -> Rows:
    """Return an empty history."""
    return Rows(tmp_path / "state")


def telling(*urls: str, **alerting: Any) -> Job:
    """Return a job that tells these addresses of everything."""
    changes = {key: alerting.pop(key) for key in ("secrets", "env", "env_file") if key in alerting}
    return job(alerting=Alerting(**{"notify": {"default": urls}, **alerting}), **changes)


def written(history: Rows, what: Callable[[sqlite3.Connection], int]) -> int:
    """Do something in one transaction of the history."""
    connection = database.connect(str(history.state), create=False)
    try:
        with database.Immediate(connection):
            return what(connection)
    finally:
        connection.close()


def ended(history: Rows, of: Job, status: str = "failed", why: str = "step 31: exit code 3", log: bytes = b"") -> int:
    """Record a run that ended just now, and the alerts that its end causes; return the run's id."""
    run = history.run(of.name, clock.now() - 60, 60.0, status)
    history.change("update runs set why = ? where id = ?", why if status != "succeeded" else None, run)
    history.step(run, 1, "31", status, duration_s=50.0)
    if log:
        history.log(run, 1, 1, log)
    written(history, lambda connection: ends.record(connection, of, run, str(history.state)))
    return run


def send(history: Rows, *jobs: Job, budget: float = 60.0, site_wide: bool = False) -> int:
    """Send what is due of these jobs, by default with more time than a busy machine needs for a dozen of them."""
    return send_due(str(history.state), {each.name: each for each in jobs}, budget, site_wide=site_wide)


def soon(history: Rows) -> None:
    """Let every delay before the next try be over."""
    history.change("update outbox set next_try_at = 1 where next_try_at is not null")


def box(history: Rows, columns: str = "event_id") -> list[Any]:
    """Return columns of the outbox, in the order written."""
    found = rows(history.state, f"select {columns} from outbox order by id")  # noqa: S608 - the tests' own words
    return [row[0] for row in found] if "," not in columns else found


def url(web: Web, path: str = "/alerts") -> str:
    """Return the address of the web server for Apprise."""
    return f"json://127.0.0.1:{web.port}{path}"


def test_a_failure_arrives_with_all_that_it_says(history: Rows, web: Web) -> None:
    """A web hook gets title, text with the last lines, and the kind; the row says that it was sent."""
    of = telling(url(web))
    run = ended(history, of, log="첫째\n둘째 <b>굵게</b> &amp;\n".encode())
    assert send(history, of) == 1
    (taken,) = web.taken
    assert taken.path == "/alerts"
    assert taken.json["title"] == f"{JOB}: run {run} failed: step 31: exit code 3"
    assert "| 둘째 <b>굵게</b> &amp;" in taken.json["message"]
    assert f"batchctl logs {JOB} --run {run} --step 31" in taken.json["message"]
    assert taken.json["type"] == "failure"
    assert box(history, "event_id, tries, next_try_at, last_error") == [(f"failed:{run}", 1, None, None)]
    assert send(history, of) == 0
    assert len(web.taken) == 1


def test_a_mail_arrives_and_its_markup_is_text(history: Rows, mail: Mail) -> None:
    """Hangul, markup and line ends in what failed are harmless: one subject, no header of their own, no markup."""
    of = telling(
        f"mailto://127.0.0.1:{mail.port}?smtp=127.0.0.1&from=batchctl@example.com&to=ops@example.com&mode=insecure"
    )
    ended(history, of, why="깨짐\r\nBcc: all@example.com", log=b"<script>x</script>\n")
    assert send(history, of) == 1, box(history, "last_error, tries")
    message = message_from_bytes(mail.taken[0], policy=policy.default)
    assert message["Subject"].startswith(f"{JOB}: run 1 failed: 깨짐 Bcc:")
    assert message["Bcc"] is None
    html = message.get_body(("html",))
    assert html is None or "<script>" not in html.get_content()
    assert "script" in str(message.get_body(("plain", "html")))


def test_one_alert_for_one_event(history: Rows, web: Web) -> None:
    """However often the same end is found, it is told once."""
    of = telling(url(web))
    run = ended(history, of)
    assert written(history, lambda connection: ends.record(connection, of, run, str(history.state))) == 0
    assert send(history, of) == 1
    assert written(history, lambda connection: ends.record(connection, of, run, str(history.state))) == 0
    assert send(history, of) == 0
    assert len(web.taken) == 1


def test_senders_at_once_send_it_once(history: Rows, web: Web) -> None:
    """Four processes that find the same rows due send each of them once."""
    of = telling(url(web))
    for _ in range(3):
        ended(history, of)
    web.delay = 0.3
    total = len(box(history))
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: send(history, of), range(4)))
    assert sum(counts) == total
    assert len(web.taken) == total


def test_nothing_is_written_if_the_end_is_not(history: Rows) -> None:
    """The alert and the final row are one transaction."""
    of = telling("json://127.0.0.1/")
    run = history.run(JOB, clock.now() - 60, None)

    def fail(connection: sqlite3.Connection) -> int:
        connection.execute("update runs set status = 'failed', ended_at = 1 where id = ?", (run,))
        assert ends.record(connection, of, run, str(history.state)) == 1
        raise KeyError

    with pytest.raises(KeyError):
        written(history, fail)
    assert box(history) == []
    assert rows(history.state, "select status from runs") == [("running",)]


def test_an_end_that_is_none_causes_nothing(history: Rows) -> None:
    """A run that is running, unknown, or another job's has no alert."""
    of = telling("json://127.0.0.1/")
    run = history.run(JOB, clock.now() - 60, None)
    other = history.run("other", clock.now() - 60, 1.0, "failed")
    for each in (run, other, 99):
        assert written(history, lambda connection, each=each: ends.record(connection, of, each, "")) == 0  # type: ignore[misc]


def test_failures_in_a_row_and_recovery(history: Rows, web: Web) -> None:
    """Three failures: each told, the row told once; the success ends them all and is told once."""
    of = telling(url(web))
    runs = [ended(history, of, status) for status in ("failed", "timed_out", "cancelled", "failed", "failed")]
    good = ended(history, of, "succeeded")
    ended(history, of, "succeeded")
    events = [f"failed:{runs[0]}", f"failed:{runs[1]}", f"failed:{runs[3]}", f"failing:{JOB}:0", f"failed:{runs[4]}"]
    assert box(history) == [*events, f"recovered:{good}"]
    assert box(history, "for_event")[-1] == f"failed:{runs[4]}"
    assert rows(history.state, "select count(*) from outbox where lasting = 1 and over_at is null") == [(0,)]
    assert send(history, of) == 6
    assert [taken.json["type"] for taken in web.taken] == ["failure"] * 5 + ["success"]


def test_a_run_of_other_steps_is_no_recovery(history: Rows) -> None:
    """After step 31 has failed, the success of 33 alone ends no alert; what failed then succeeding does."""
    of = telling("json://127.0.0.1/")
    bad = ended(history, of)
    opened = "select event_id from outbox where lasting = 1 and over_at is null"
    for seq, step, events in ((2, "33", [f"failed:{bad}"]), (1, "31", [f"failed:{bad}", f"recovered:{bad + 2}"])):
        run = history.run(of.name, clock.now() - 30, 10.0)
        for place, name in ((1, "31"), (2, "33")):
            history.step(run, place, name, "succeeded" if place == seq else "skipped")
        written(history, lambda connection, run=run: ends.record(connection, of, run, str(history.state)))  # type: ignore[misc]
        assert box(history) == events, step
        assert rows(history.state, opened) == ([(f"failed:{bad}",)] if step == "33" else [])


def test_the_trouble_of_a_later_run_is_not_over(history: Rows) -> None:
    """An alert about the run under way is neither ended nor answered by the success of the run before it."""
    of = telling("json://127.0.0.1/", flap_window=0.0)
    ended(history, of, "failed")
    good = ended(history, of, "succeeded")
    lost = history.run(JOB, clock.now() - 30, None)
    found = alerts.make("lost", f"lost:{lost}", JOB, "t", "b", clock.now(), run_id=lost, lasting=True)
    written(history, lambda connection: ends.tell(connection, JOB, [found], of.alerting, of.rules.zone))
    assert written(history, lambda connection: ends.record(connection, of, good, str(history.state))) == 0
    assert rows(history.state, "select event_id from outbox where lasting = 1 and over_at is null") == [
        (f"lost:{lost}",)
    ]
    history.change("update runs set status = 'lost', ended_at = started_at + 1, duration_s = 1 where id = ?", lost)
    better = ended(history, of, "succeeded")
    assert box(history, "event_id, for_event")[-1] == (f"recovered:{better}", f"lost:{lost}")


@pytest.mark.parametrize("status", ["lost", "stale"])
def test_what_somebody_else_ended_is_told(history: Rows, status: str) -> None:
    """A run that was reclaimed or taken over is told under its own condition."""
    of = telling(notify={status: ("json://127.0.0.1/",)})
    run = ended(history, of, status)
    ended(history, of, "failed")
    assert box(history) == [f"{status}:{run}"]


def test_an_unusual_duration_is_told_at_once(history: Rows) -> None:
    """What is long by the job's own history needs no check to be noticed; the runs after it count for nothing."""
    of = telling("json://127.0.0.1/")
    for _ in range(5):
        history.run(JOB, clock.now() - 9000, 3000.0)
    run = history.run(JOB, clock.now() - 9000, 9000.0)
    for _ in range(20):
        history.run(JOB, clock.now() - 10, 9000.0)
    assert written(history, lambda connection: ends.record(connection, of, run, "")) == 1
    assert box(history, "event_id, title") == [(f"long:{run}", f"{JOB}: run {run} took long, 2h 30m")]


def test_warnings_of_the_history_are_told(history: Rows) -> None:
    """What was noticed about a run, written before its end, makes the alert of that condition."""
    of = telling("json://127.0.0.1/")
    run = history.run(JOB, clock.now() - 60, 60.0)

    def end(connection: sqlite3.Connection) -> int:
        for _ in range(2):  # the same one twice is one
            runs.add_warning(connection, run, 0, "expect", "collected is 3", 1.0)
        return ends.record(connection, of, run, str(history.state))

    assert written(history, end) == 1
    assert box(history, "event_id, title") == [(f"expect:{run}", f"{JOB}: run {run}: collected is 3")]


def test_secrets_are_nowhere(history: Rows, web: Web, tmp_path: Path) -> None:
    """The values of `secrets` are masked in what is written and sent, also where a cut goes through one."""
    file = tmp_path / "shop.env"
    file.write_text("API_KEY=hunter2-비밀\n", encoding="utf-8")
    of = telling(url(web), secrets=("API_KEY",), env_file=str(file))
    filler = b"x" * (32 * 1024 - 8)
    ended(history, of, why="bad key hunter2-비밀", log="hunter2-비밀".encode() + filler + "\nhunter2-비밀\n".encode())
    send(history, of)
    everything = web.taken[0].body.decode() + str(box(history, "title, body, last_error"))
    assert "***" in everything
    assert "hunter2" not in everything
    assert "비밀" not in everything


def test_output_that_cannot_be_masked_is_not_sent(history: Rows, web: Web) -> None:
    """Where the secrets cannot be read, the alert goes out without the output."""
    of = telling(url(web), secrets=("API_KEY",), env_file="/nowhere/shop.env")
    ended(history, of, log=b"hunter2\n")
    assert send(history, of) == 1
    assert "hunter2" not in web.taken[0].json["message"]


def test_an_endpoint_that_comes_back_gets_it(history: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the row waits with the error; later it is sent, once."""
    without_proxy(monkeypatch)
    port = free_port()
    of = telling(f"json://127.0.0.1:{port}/geheim-token")
    ended(history, of)
    assert send(history, of) == 0
    ((tries, next_try, error),) = box(history, "tries, next_try_at, last_error")
    assert tries == 1
    assert 30 < next_try - clock.now() < 90
    assert error.startswith("json://127.0.0.1: A Connection error")
    assert "geheim" not in error
    server = Web(port)
    assert send(history, of) == 0  # its delay is not over
    soon(history)
    assert send(history, of) == 1
    server.close()
    assert len(server.taken) == 1
    assert box(history, "tries, last_error") == [(2, None)]


def test_only_the_channel_that_refused_is_asked_again(history: Rows, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses one is down: the other does not get the alert a second time."""
    port = free_port()
    of = telling(url(web), f"json://127.0.0.1:{port}/")
    ended(history, of)
    assert send(history, of) == 0
    soon(history)
    back = Web(port)
    assert send(history, of) == 1
    back.close()
    assert (len(web.taken), len(back.taken)) == (1, 1)


@pytest.mark.parametrize("answer", ["hang", "drip", "garbage", 500, 404])
def test_bad_endpoints_cost_a_bounded_time(history: Rows, web: Web, answer: int | str) -> None:
    """Whatever the endpoint does, the caller is back in time, and the alert waits with a reason."""
    web.answers = [answer]
    of = telling(url(web))
    ended(history, of)
    watch = Stopwatch()
    assert send(history, of, budget=2.5) == 0
    assert watch.seconds < 7  # less than the 8 s that one alert may take where there is time
    ((error, next_try),) = box(history, "last_error, next_try_at")
    assert error
    assert next_try is not None


def test_a_silent_address_does_not_eat_up_the_others_time(history: Rows, web: Web) -> None:
    """It is asked once in a pass; another job's alert still gets through."""
    silent = Web()
    silent.answers = ["hang"]
    one = telling(f"json://127.0.0.1:{silent.port}/")
    other = job(name="other", alerting=Alerting(notify={"default": (url(web),)}))
    ended(history, one)
    ended(history, one)
    ended(history, other)
    assert send(history, one, other) == 1
    silent.close()
    assert len(web.taken) == 1
    assert box(history, "job, tries") == [(JOB, 1), (JOB, 0), ("other", 1)]


@pytest.mark.parametrize("address", ["nosuch://host/x", "json://", "mailto://"])
def test_an_address_that_apprise_does_not_know(history: Rows, address: str) -> None:
    """It is a reason like any other, and nothing is raised."""
    of = telling(address)
    ended(history, of)
    assert send(history, of) == 0
    assert "not an address" in box(history, "last_error")[0]


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("mailtos://user:password@example.com", True),
        ("TGRAM://token/chat", True),  # a scheme has no case
        ("nosuch://host/x", False),
        ("json://", False),  # nowhere to send to
        ("mailto", False),
    ],
)
def test_an_address_without_apprise(address: str, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address is found in a core install, too."""
    monkeypatch.setattr(channels, "is_installed", lambda _: False)
    monkeypatch.setattr(channels, "_known", {})
    assert channels.is_known(address) is known


def test_the_schemes_are_those_of_apprise() -> None:
    """A core install knows nearly all that the Apprise of today knows, and not much that it does not."""
    with warnings.catch_warnings(action="ignore"):
        schemas = Apprise().details()["schemas"]
    real = {name for each in schemas for key in ("protocols", "secure_protocols") for name in each[key] or ()}
    assert len(real ^ SCHEMES) < 40


def test_sending_without_apprise(history: Rows, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It fails with a line that says what brings it, and the alert is kept for when it is there."""
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    of = telling(url(web))
    ended(history, of)
    assert send(history, of) == 0
    assert "pip install 'batchctl[notify]' into " in box(history, "last_error")[0]
    assert box(history, "next_try_at")[0] > clock.now()


def test_quiet_hours_hold_back(history: Rows, web: Web) -> None:
    """What happens in quiet hours is written at once and sent when they are over, retries included."""
    local = int((clock.now() + job().rules.zone.offset(clock.now())) % 86400 // 60)
    quiet = Window(start=(local - 60) % 1440, end=(local + 60) % 1440)
    of = telling(url(web), quiet_hours=quiet)
    ended(history, of)
    assert send(history, of) == 0
    assert 3500 < box(history, "next_try_at")[0] - clock.now() < 3700
    soon(history)  # due since before they began, and still waiting
    assert send(history, of) == 0
    assert web.taken == []
    assert 3500 < box(history, "next_try_at")[0] - clock.now() < 3700
    soon(history)
    assert send(history, telling(url(web))) == 1  # they are over


def test_a_daily_maximum(history: Rows, web: Web) -> None:
    """Two a day: the third is kept but not sent, and one last word says so, once."""
    of = telling(url(web), max_alerts_per_day=2, alert_after=9)
    for _ in range(4):
        ended(history, of)
    assert send(history, of) == 3
    assert "more alerts suppressed today" in web.taken[-1].json["title"]
    assert box(history, "suppressed") == [0, 0, 0, 1, 1]


def test_a_program_gets_each_alert_as_json(history: Rows, tmp_path: Path) -> None:
    """`on_alert` reads one JSON object; its exit code says whether it took it."""
    out = tmp_path / "out.json"
    of = telling(on_alert=("/bin/sh", "-c", f"cat > {out}"))
    run = ended(history, of)
    assert send(history, of) == 1
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["event_id"], found["job"], found["run_id"], found["kind"]) == (f"failed:{run}", JOB, run, "failed")
    assert found["created_at"].endswith("+09:00")
    assert "exit code 3" in found["title"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("echo 안돼 >&2; exit 3", "exit code 3: 안돼"),  # refuses with a reason
        ("kill -9 $$", "killed by signal 9"),  # crashes
        ("sleep 60", "no answer within 2 s"),  # hangs
        ("yes", "no answer within 2 s"),  # talks without end
        ("sleep 60 & exit 4", "exit code 4"),  # leaves a process that holds its output open
    ],
)
def test_bad_programs_cost_a_bounded_time(history: Rows, line: str, error: str) -> None:
    """The caller is back in time, the alert waits with a reason, and no process of the program is left."""
    of = telling(on_alert=("/bin/sh", "-c", f"true mark-{os.getpid()}; {line}"))
    ended(history, of)
    watch = Stopwatch()
    assert send(history, of, budget=2.0) == 0
    assert watch.seconds < 4
    assert error in box(history, "last_error")[0]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"mark-{os.getpid()}" not in listed


def test_a_program_that_does_not_exist(history: Rows) -> None:
    """It is named in the error."""
    of = telling(on_alert=("/nowhere/tell",))
    ended(history, of)
    assert send(history, of) == 0
    assert "cannot start /nowhere/tell" in box(history, "last_error")[0]


def test_given_up_after_three_days(history: Rows) -> None:
    """An alert that nobody takes is given up; its row stays, with the last error."""
    of = telling("nosuch://x")
    ended(history, of)
    send(history, of)
    history.change("update outbox set created_at = created_at - 4 * 86400, next_try_at = 1")
    assert send(history, of) == 0
    ((next_try, error, tries),) = box(history, "next_try_at, last_error, tries")
    assert (next_try, tries) == (None, 1)
    assert "not an address" in error


def test_channels_that_are_gone(history: Rows) -> None:
    """What waits for a channel that the configuration no longer has is given up with that reason."""
    ended(history, telling("json://127.0.0.1/"))
    assert send(history, telling()) == 0
    assert box(history, "last_error") == ["no channel is configured for it any more"]


def test_sending_never_raises(history: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No history, a locked one, garbage: the caller gets 0, and no lock is waited for beyond the time there is."""
    of = telling("json://127.0.0.1/")
    assert send_due(str(tmp_path / "nowhere"), {JOB: of}) == 0
    ended(history, of)
    holder = sqlite3.connect(history.state / "batchctl.db", isolation_level=None)
    holder.execute("begin immediate")
    waits = patience(monkeypatch)
    assert send(history, of, budget=0.5) == 0
    assert waits
    assert max(waits) <= 0.5
    holder.close()
    (history.state / "batchctl.db").write_bytes(b"garbage" * 1000)
    assert send(history, of) == 0


def test_a_reminder_until_somebody_says_so(history: Rows, web: Web) -> None:
    """An open alert is reminded of after `remind_every`, once; not after it was acknowledged."""
    of = telling(url(web), remind_every=3600.0)
    run = ended(history, of)
    assert written(history, lambda connection: ends.remind(connection, of)) == 0
    history.change("update outbox set created_at = created_at - 4000")
    assert written(history, lambda connection: ends.remind(connection, of)) == 1
    assert written(history, lambda connection: ends.remind(connection, of)) == 0
    assert box(history)[1] == f"remind:1:failed:{run}"
    history.change("update outbox set created_at = created_at - 4000")
    assert written(history, lambda connection: len(outbox.ack(connection, clock.now(), JOB, None))) == 1
    assert written(history, lambda connection: ends.remind(connection, of)) == 0


def test_alerts_about_batchctl_itself(history: Rows, web: Web) -> None:
    """They go to every channel that any job has for them, once, and only where that is asked for."""
    one, two, three = (
        job(name=name, alerting=Alerting(notify={"disk": (url(web, path),)}))
        for name, path in (("a", "/x"), ("b", "/x"), ("c", "/y"))
    )
    alert = alerts.make("disk", "disk:1", "", "batchctl: the disk is full", "body", clock.now())
    written(history, lambda connection: ends.tell(connection, "", [alert], Alerting(), clock.SystemZone()))
    assert send(history, one, two, three) == 0
    assert send(history, one, two, three, site_wide=True) == 1
    assert sorted(web.paths) == ["/x", "/y"]


def test_old_alerts_are_forgotten(history: Rows) -> None:
    """What is neither open nor waiting goes when it is old enough."""
    of = telling("nosuch://x", alert_after=9)
    ended(history, of)
    ended(history, of, "succeeded")
    ended(history, of)
    history.change("update outbox set created_at = 5, next_try_at = null")
    assert written(history, lambda connection: outbox.forget(connection, 6.0)) == 2
    assert len(box(history)) == 1  # the open one


def test_the_sender_ends_with_its_time_even_without_its_parent(web: Web) -> None:
    """Whoever started it may die: the child's own alarm ends it."""
    web.answers = ["hang"]
    from batchctl.notify import child

    order = {"urls": [url(web)], "title": "t", "body": "b", "type": "info", "limit": 0.5}
    with subprocess.Popen([sys.executable, "-P", str(child.__file__)], stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        wait_for(lambda: not alive(process.pid), "the end of the child", 10)
        assert process.wait() == -14


def test_conditions_are_those_of_the_configuration() -> None:
    """Every kind that can be told has a place in `notify`."""
    from batchctl.config.alerting import CONDITIONS

    kinds = {alerts.FAILED, alerts.FAILING, alerts.RECOVERED, alerts.LONG, alerts.FAST, alerts.STALE, alerts.LOST}
    assert kinds <= set(CONDITIONS)
    assert model.TIMED_OUT not in CONDITIONS
