"""`batchctl simulate` from the command line: what it prints, what it refuses, and where its numbers come from."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchctl.answers import scenario
from batchctl.commands.cli import main

CONFIG = """
timezone = "Asia/Seoul"
[jobs."일일-배치"]
schedule = "0 1 * * *"
timeout = "30h"
stale_after = "36h"
min_gap = "6h"
steps = [{ id = "31", run = "true" }]
[jobs.monthly]
schedule = "0 1 */2 * *"
steps = [{ id = "1", run = "true" }]
[jobs.by-hand]
timeout = "1h"
steps = [{ id = "1", run = "true" }]
[jobs.off]
schedule = "0 1 * * *"
enabled = false
timeout = "1h"
steps = [{ id = "1", run = "true" }]
[jobs.every-30]
every = "30h"
steps = [{ id = "1", run = "true" }]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the configuration and make it, and a state directory, the ones in force."""
    path = tmp_path / "batchctl.toml"
    path.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("BATCHCTL_CONFIG", str(path))
    monkeypatch.setenv("BATCHCTL_STATE", str(tmp_path / "state"))
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the object that `simulate ... --json` prints."""
    code = main(["simulate", *arguments, "--json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def verdicts(found: dict[str, Any]) -> list[str]:
    """Return `start`, or the reason of the skip, of every fire."""
    return [fire["reason"] or fire["verdict"] for fire in found["fires"]]


RUNNING = "already_running"


@pytest.mark.usefixtures("config")
def test_the_week_of_a_26_hour_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """The contract's own example: from the next 01:00, every other day, 48 h apart."""
    found = printed(capsys, "--duration", "26h", "--every", "24h")
    assert verdicts(found) == ["start", RUNNING] * 3 + ["start"]
    first, second = found["fires"][:2]
    assert first["at"].endswith("T01:00:00+09:00")
    assert first["ends_at"].endswith("T03:00:00+09:00")
    assert (first["ends_at"][:10], second["ends_at"]) == (second["at"][:10], None)
    assert found["summary"] == {
        "fires": 7,
        "starts": 4,
        "skips": 3,
        "skips_by_reason": {RUNNING: 3},
        "effective_interval_s": 172800.0,
        "busy_ratio": pytest.approx((3 * 26 + 24) / 168),
    }
    assert [advice["code"] for advice in found["advice"]] == ["schedule_fits", "split_groups"]
    assert all(advice["text"] for advice in found["advice"])


@pytest.mark.usefixtures("config")
def test_the_json_has_the_contracts_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields may be added, never renamed."""
    found = printed(capsys, "--duration", "26h", "--every", "24h")
    assert {"fires", "summary", "advice"} <= set(found)
    assert all({"at", "verdict", "reason", "ends_at"} <= set(fire) for fire in found["fires"])
    assert {"fires", "starts", "skips", "skips_by_reason", "effective_interval_s", "busy_ratio"} <= set(
        found["summary"]
    )
    assert all(set(advice) == {"code", "text"} for advice in found["advice"])


@pytest.mark.parametrize(
    ("options", "expected", "interval"),
    [
        # gaps, in time and as a multiple
        (["--duration", "23h", "--min-gap", "6h"], ["start", "min_gap"] * 3 + ["start"], 48),
        (["--duration", "18h", "--min-gap", "6h"], ["start"] * 7, 24),
        (["--duration", "26h", "--gap-factor", "1.2"], ["start", RUNNING, "min_gap"] * 2 + ["start"], 72),
        # runs that end early: timed out, failed, taken over
        (["--duration", "40h", "--timeout", "24h30m"], ["start", RUNNING] * 3 + ["start"], 48),
        (["--duration", "26h", "--fail-at", "2h"], ["start"] * 7, 24),
        (["--duration", "26h", "--stale-after", "20h"], ["start"] * 7, 24),
        # a chain in groups: in turn, side by side
        (["--group", "search=5h,4h,4h", "--group", "upload=13h"], ["start", RUNNING] * 3 + ["start"], 48),
        (
            ["--group", "search=5h,4h,4h", "--group", "upload=13h", "--parallel", "search"],
            ["start"] * 7,
            24,
        ),
    ],
)
@pytest.mark.usefixtures("config")
def test_the_options_of_a_daily_fire(
    options: list[str], expected: list[str], interval: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option has its effect on the week."""
    found = printed(capsys, "--every", "24h", *options)
    assert verdicts(found) == expected
    assert found["summary"]["effective_interval_s"] == interval * 3600


@pytest.mark.usefixtures("config")
def test_a_split_makes_each_group_a_job_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Two groups of 12 h, 12 h apart, both run every day; each fire names its group."""
    arguments = ["--every", "24h", "--for", "3d", "--split", "12h", "--start", "2026-11-21T01:00"]
    found = printed(capsys, *arguments, "--group", "키워드=5h,4h,3h", "--group", "업로드=12h")
    assert [(fire["group"], fire["at"][8:16], fire["verdict"]) for fire in found["fires"]] == [
        ("키워드", "21T01:00", "start"),
        ("업로드", "21T13:00", "start"),
        ("키워드", "22T01:00", "start"),
        ("업로드", "22T13:00", "start"),
        ("키워드", "23T01:00", "start"),
        ("업로드", "23T13:00", "start"),
    ]
    assert found["summary"]["effective_interval_s"] == 86400.0
    assert found["summary"]["groups"]["업로드"]["starts"] == 3
    assert found["advice"] == []


@pytest.mark.usefixtures("config")
def test_groups_that_overlap_after_the_split_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Advice on a group bears its name, advice on all stands first."""
    found = printed(capsys, "--every", "24h", "--split", "12h", "--group", "a=13h", "--group", "b=25h")
    assert [advice["code"] for advice in found["advice"]] == ["groups_overlap", "schedule_fits"]
    assert found["advice"][1]["text"].startswith("b: a run of 25h 00m")


@pytest.mark.usefixtures("config")
def test_a_job_brings_its_schedule_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """Schedule, gap, timeout and zone are those of the configuration; options override them."""
    found = printed(capsys, "일일-배치", "--duration", "19h")
    assert verdicts(found) == ["start", "min_gap"] * 3 + ["start"]
    assert found["fires"][0]["at"].endswith("T01:00:00+09:00")
    assert found["job"] == "일일-배치"
    assert set(verdicts(printed(capsys, "일일-배치", "--duration", "19h", "--min-gap", "5h"))) == {"start"}
    assert found["fires"][0]["status"] == "succeeded"
    assert printed(capsys, "일일-배치", "--duration", "31h")["fires"][0]["status"] == "timed_out"


@pytest.mark.usefixtures("config")
def test_every_other_day_over_the_end_of_a_year(capsys: pytest.CaptureFixture[str]) -> None:
    """The skip on the 1st is seen, and the advice says why."""
    found = printed(capsys, "monthly", "--duration", "26h", "--start", "2026-12-25", "--for", "14d")
    assert [fire["at"][:10] for fire in found["fires"] if fire["verdict"] == "skip"] == ["2027-01-01"]
    assert [advice["code"] for advice in found["advice"]] == ["month_end"]


@pytest.mark.usefixtures("config")
def test_fires_that_are_not_due_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """`every = 30h` is previewed with the fires of its crontab line."""
    found = printed(capsys, "every-30", "--duration", "1h", "--start", "2026-11-21", "--for", "3d")
    assert verdicts(found)[:6] == ["start", "not_due", "not_due", "not_due", "not_due", "start"]
    assert found["summary"]["effective_interval_s"] == 30 * 3600


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        # never run, so the timeout is assumed
        (["off"], "no_history"),
        (["off"], "disabled"),
        (["by-hand"], "no_schedule"),
    ],
)
@pytest.mark.usefixtures("config")
def test_advice_on_a_job(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was assumed, and why a job never starts, is said."""
    assert code in [advice["code"] for advice in printed(capsys, *arguments)["advice"]]


@pytest.mark.usefixtures("config")
def test_a_preview_leaves_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even a state directory is made."""
    printed(capsys, "일일-배치")
    assert not (tmp_path / "state").exists()


def history(tmp_path: Path, hours: list[float]) -> None:
    """Run the job for real, once for each of `hours`, then make its runs as long as that."""
    for _ in hours:
        run = [sys.executable, "-m", "batchctl", "run", "일일-배치", "--force"]
        subprocess.run(run, check=True, timeout=120, cwd=Path(__file__).parents[2])
    database = sqlite3.connect(tmp_path / "state" / "batchctl.db")
    with database:
        for run_id, each in enumerate(hours, 1):
            database.execute("update runs set duration_s = ? where id = ?", (each * 3600, run_id))
    database.close()


@pytest.mark.usefixtures("config")
def test_the_duration_comes_from_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The typical duration of the job's runs, where --duration does not say."""
    history(tmp_path, [25, 27, 26])
    found = printed(capsys, "일일-배치", "--start", "2026-11-21T01:00")
    assert found["fires"][0]["ends_at"] == "2026-11-22T03:00:00+09:00"
    assert "no_history" not in [advice["code"] for advice in found["advice"]]


@pytest.mark.usefixtures("config")
def test_durations_are_drawn_from_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each run is as long as one of the past; another seed draws others."""
    history(tmp_path, [1, 2])
    arguments = ["--every", "6h", "--from-history", "일일-배치", "--start", "2026-11-21T00:00", "--seed"]
    one, again, two = (printed(capsys, *arguments, seed)["fires"] for seed in ("1", "1", "2"))
    lengths = {int(fire["ends_at"][11:13]) - int(fire["at"][11:13]) for fire in one}
    assert lengths == {1, 2}
    assert one == again
    assert one != two


@pytest.mark.usefixtures("config")
def test_a_range_of_durations(capsys: pytest.CaptureFixture[str]) -> None:
    """Durations are drawn between both ends, and the same seed draws the same."""
    arguments = ["--every", "24h", "--duration", "2h..10h", "--start", "2026-11-21T01:00", "--for", "20d"]
    found = printed(capsys, *arguments)
    ends = sorted(fire["ends_at"][11:] for fire in found["fires"])
    assert "03:00" <= ends[0] < ends[-1] <= "11:00:01"
    assert printed(capsys, *arguments) == found
    assert printed(capsys, *arguments, "--seed", "7") != found


@pytest.mark.parametrize(
    ("arguments", "first", "count"),
    [
        # the hour skipped in New York: right after the change, once
        (["--cron", "30 2 * * *", "--start", "2026-03-08", "--for", "1d"], "2026-03-08T03:00:00-04:00", 1),
        # a week with 25 hours on one day has seven daily fires, one with 23 hours too
        (["--every", "24h", "--start", "2026-10-30T01:00"], "2026-10-30T01:00:00-04:00", 7),
        (["--every", "24h", "--start", "2026-03-06T01:00"], "2026-03-06T01:00:00-05:00", 7),
        # hours follow the wall clock: 25 of them
        (["--cron", "0 * * * *", "--start", "2026-11-01", "--for", "1d"], "2026-11-01T00:00:00-04:00", 25),
    ],
)
@pytest.mark.usefixtures("config")
def test_another_time_zone(arguments: list[str], first: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Fires follow the clock of --timezone, and a day is a day of that clock."""
    found = printed(capsys, *arguments, "--duration", "10m", "--timezone", "America/New_York")
    assert (found["fires"][0]["at"], len(found["fires"])) == (first, count)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        # nothing to fire, nothing to take time
        (["--duration", "26h"], "no JOB, no --every and no --cron"),
        (["--every", "24h"], "how long does a run take?"),
        (["monthly"], "no successful run and no timeout"),
        # contradictions
        (["--every", "24h", "--cron", "0 1 * * *", "--duration", "1h"], "--every and --cron contradict each other"),
        (["--every", "24h", "--duration", "1h", "--group", "a=1h"], "--duration and --group contradict"),
        (["--every", "24h", "--group", "a=1h", "--split", "12h"], "needs at least two"),
        # what cannot be read
        (["--every", "24h", "--duration", "soon"], "--duration: 'soon' is not a duration"),
        (["--every", "24h", "--duration", "1h.."], "--duration: '' is not a duration"),
        (["--every", "0", "--duration", "1h"], "--every must be longer than 0"),
        (["--every", "24h", "--duration", "0"], "--duration must be longer than 0"),
        (["--every", "24h", "--duration", "1h", "--for", "x"], "--for: 'x'"),
        (["--every", "24h", "--duration", "1h", "--start", "noon"], "--start: 'noon' is not a time"),
        (["--every", "24h", "--duration", "1h", "--timezone", "Mars/Base"], "'Mars/Base' is not a time zone"),
        (["--cron", "0 0 31 2 *", "--duration", "1h"], "never fires"),
        (["--cron", "0 0 1 1 * *", "--duration", "1h"], "no field for seconds"),
        (["--every", "24h", "--group", "a"], "--group 'a' is not NAME=DURATION"),
        (["--every", "24h", "--group", "a=1h", "--group", "a=2h"], "given once"),
        (["--every", "24h", "--group", "a=1h", "--parallel", "b"], "there is no --group of that name"),
        (["--every", "24h", "--from-history", "일일-배치"], "no successful run of '일일-배치'"),
        # beyond what time zones know of
        (["--every", "24h", "--duration", "99999999h"], "longer than a hundred years"),
        (["--every", "24h", "--duration", "1h", "--start", "9999-12-31"], "not between 1970 and 2999"),
        (["--every", "24h", "--duration", "1h", "--start", "1950-01-01"], "not between 1970 and 2999"),
        # no such job
        (["일일-배지"], "there is no job '일일-배지'"),
    ],
)
@pytest.mark.usefixtures("config")
def test_what_cannot_be_simulated_is_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, a message and a remedy; nothing on stdout."""
    assert main(["simulate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 2


@pytest.mark.usefixtures("config")
def test_too_much_to_show_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The most that is walked is bounded; exactly that many fires are shown."""
    monkeypatch.setattr(scenario, "_MOST_FIRES", 60)
    assert main(["simulate", "--every", "1s", "--duration", "1h", "--for", "61s"]) == 2
    assert "more than 60 fires" in capsys.readouterr().err
    assert main(["simulate", "--every", "1s", "--duration", "1h", "--for", "60s"]) == 0


def picture(columns: int, *arguments: str, **environment: str) -> list[str]:
    """Return the lines that a process of its own prints on `columns` columns."""
    env = {**os.environ, "COLUMNS": str(columns), **environment}
    done = subprocess.run(
        [sys.executable, "-m", "batchctl", "simulate", *arguments],
        capture_output=True,
        check=True,
        env=env,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    return done.stdout.decode().splitlines()


WEEK = ("--duration", "26h", "--every", "24h", "--start", "2026-11-21T01:00")


@pytest.mark.usefixtures("config")
def test_the_picture_shows_the_week() -> None:
    """A row a day: the start, the run over midnight, the skip inside it, and the idle time."""
    lines = picture(80, *WEEK, LC_ALL="C.UTF-8")
    rows = {line[:9]: line[12:] for line in lines if line.startswith(("Sat 11-21", "Sun 11-22", "Mon 11-23"))}
    assert rows["Sat 11-21"] == "  ▶" + "━" * 45
    assert rows["Sun 11-22"] == "━━✕━━━" + "·" * 42
    assert rows["Mon 11-23"] == "··▶" + "━" * 45
    assert "starts every 48h 00m (effective interval); scheduled every 24h 00m" in lines
    assert "7 fires: 4 start, 3 skip (already running 3)" in lines


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.usefixtures("config")
def test_the_picture_fits_and_uses_the_width(columns: int) -> None:
    """No line is longer than the terminal, and the time line takes most of it."""
    lines = picture(columns, *WEEK, LC_ALL="C.UTF-8")
    assert max(map(len, lines)) <= columns
    assert max(len(line) for line in lines if "━" * 20 in line) > columns - 40


@pytest.mark.usefixtures("config")
def test_the_picture_is_ascii_in_the_c_locale() -> None:
    """Where the terminal may know nothing else, the signs are ASCII; a Hangul name does no harm there."""
    lines = picture(80, *WEEK, LC_ALL="C")
    assert all(line.isascii() for line in lines)
    assert any(line.endswith("==x===" + "." * 42) for line in lines)
    named = picture(80, "일일-배치", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert named[0].startswith("\\uc77c\\uc77c-\\ubc30\\uce58: ")


@pytest.mark.parametrize(
    ("horizon", "every", "rows", "label"),
    [
        # an hour a row, a day a row, a week, four weeks, a year
        ("5h", "10m", 5, "Sat 01:00"),
        ("30d", "24h", 31, "Sat 11-21"),
        ("100d", "24h", 15, "Sat 11-21"),
        ("1y", "24h", 14, "2026-11-21"),
        ("10y", "24h", 11, "2026-11-21"),
    ],
)
@pytest.mark.usefixtures("config")
def test_the_rows_suit_the_horizon(
    horizon: str, every: str, rows: int, label: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The time line never has more than some three dozen rows."""
    span = f"{int(horizon[:-1]) * 365}d" if horizon.endswith("y") else horizon
    arguments = ["--every", every, "--duration", "1m", "--start", "2026-11-21T01:00", "--for", span]
    assert main(["simulate", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    ruler = next(place for place, line in enumerate(lines) if line.startswith(label))
    legend = next(place for place, line in enumerate(lines) if line.endswith("skip"))
    assert legend - ruler == rows


@pytest.mark.usefixtures("config")
def test_the_list_of_fires_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty are listed, the others counted."""
    assert main(["simulate", "--every", "1h", "--duration", "1m"]) == 0
    out = capsys.readouterr().out
    assert out.count("   start ") + out.count("  start   ") >= 20
    assert "148 more" in out
    assert "168 fires: 168 start, 0 skip" in out


@pytest.mark.usefixtures("config")
def test_escapes_in_a_name_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """A group may have any name."""
    arguments = ["--every", "24h", "--split", "12h", "--group", "\x1b[31m[bold]=1h", "--group", "키워드=1h"]
    assert main(["simulate", *arguments]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31m[bold]" in out
    assert "키워드" in out


@pytest.mark.parametrize(
    ("style", "begin", "piece"),
    [
        ("table", "Sat", "effective interval"),  # what a terminal gets
        ("json", "{", '"effective_interval_s": 172800.0'),  # the contract's object
        ("html", "<!DOCTYPE html>", "<b>48h 00m</b>"),  # a page
        ("svg", "<svg xmlns=", 'class="f-planned"'),  # a picture
    ],
)
def test_formats(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, style: str, begin: str, piece: str
) -> None:
    """Every format goes to stdout or whole into a file."""
    words = ["simulate", "--duration", "26h", "--every", "24h", "--start", "2026-11-21T01:00", "--format", style]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith(begin)
    assert piece in out
    target = tmp_path / "preview"
    assert main([*words, "--output", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert piece in target.read_text(encoding="utf-8")


def test_a_split_is_drawn_group_by_group(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each group of a split has a picture of its own below its name."""
    groups = ["--group", "검색=13h", "--group", "업로드=13h", "--split", "12h"]
    assert main(["simulate", "--every", "24h", *groups, "--format", "svg"]) == 0
    out = capsys.readouterr().out
    assert [name in out for name in (">검색</text>", ">업로드</text>")] == [True, True]


def test_two_formats_are_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json and another --format contradict each other."""
    assert main(["simulate", "--duration", "1h", "--every", "2h", "--json", "--format", "svg"]) == 2
    assert "two formats" in capsys.readouterr().err


_AFTER = """
[jobs.upload]
after = "일일-배치"
timeout = "20h"
steps = [{ id = "1", run = "true" }]
[jobs.idle]
after = "by-hand"
timeout = "20h"
steps = [{ id = "1", run = "true" }]
"""


def test_what_comes_after_another_fires_at_its_ends(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other's runs take what `--group` says, else the usual time, and the preview says which."""
    config.write_text(CONFIG + _AFTER, encoding="utf-8")
    found = printed(capsys, "upload", "--group", "일일-배치=26h", "--duration", "3h", "--start", "2026-11-22T01:00")
    starts = [fire["at"][:13] for fire in found["fires"]]
    assert starts == ["2026-11-23T03", "2026-11-25T03", "2026-11-27T03"]
    assert [each["code"] for each in found["advice"]] == ["after"]
    assert "일일-배치" in found["advice"][0]["text"]
    usual = printed(capsys, "upload", "--duration", "3h", "--start", "2026-11-22T01:00", "--for", "3d")
    assert [fire["at"][:13] for fire in usual["fires"]] == ["2026-11-23T07"]


def test_nothing_fires_what_comes_after_a_job_by_hand(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody knows when somebody runs a job by hand, and the preview says that nothing ends."""
    config.write_text(CONFIG + _AFTER, encoding="utf-8")
    found = printed(capsys, "idle", "--duration", "1h")
    assert found["fires"] == []
    assert [each["code"] for each in found["advice"]][-1] == "no_fires"
