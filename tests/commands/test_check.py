"""`batchctl check` through the real command line, over real histories."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import DAY, DEAD, HOUR, Rows
from support import batchctl, rows

from batchctl.base import clock
from batchctl.base.record import replace
from batchctl.core.time import zones
from batchctl.process import identity
from batchctl.store.database import connect

if TYPE_CHECKING:
    from pathlib import Path

JOB = "일일-배치"
DAILY = f'[jobs."{JOB}"]\nschedule = "0 1 * * *"\nrun = "true"\n'
BY_HAND = f'[jobs."{JOB}"]\nrun = "true"\n'


class Place:
    """A configuration and a state directory with a history."""

    def __init__(self, tmp_path: Path) -> None:
        """Make the empty history."""
        self.rows = Rows(tmp_path / "state")
        self.config, self.state = tmp_path / "batchctl.toml", tmp_path / "state"
        self.configure(BY_HAND)

    def configure(self, text: str) -> None:
        """Write the configuration, in Korean time."""
        self.config.write_text(f'timezone = "Asia/Seoul"\ndisk_free_min = 1\n{text}', encoding="utf-8")

    def check(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the check in a process of its own."""
        done = batchctl("--config", str(self.config), "--state", str(self.state), "check", *words)
        assert "Traceback" not in done.stderr
        return done

    def findings(self, *words: str) -> list[tuple[str, str, str | None]]:
        """Return kind, severity and job of each finding but those about cron, which is another one on each machine."""
        found = json.loads(self.check("--format", "json", *words).stdout)
        return [(one["kind"], one["severity"], one["job"]) for one in found["findings"] if one["kind"] != "cron"]

    def health(self) -> dict[str, Any]:
        """Return what is in health.json."""
        found: dict[str, Any] = json.loads((self.state / "health.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place of its own."""
    return Place(tmp_path)


def test_healthy(place: Place) -> None:
    """Exit 0, one line, and health.json says when each job last succeeded."""
    now = clock.now()
    run = place.rows.run(JOB, now - 2 * HOUR, 60.0)
    place.rows.step(run, 1, "31", result={"collected": 600})
    done = place.check()
    said = [line for line in done.stdout.splitlines() if " cron: " not in line]
    assert (done.returncode, said, done.stderr) == (0, ["healthy: 1 job, 0 running"], "")
    health = place.health()
    assert health["system_status"] == "healthy"
    [one] = health["jobs"]
    assert one["last_success"]["id"] == run
    assert one["last_success"]["results"] == {"31": {"collected": 600}}
    assert one["last_success_at"] == zones.iso(now - 2 * HOUR + 60, zones.NamedZone("Asia/Seoul"))
    assert (one["consecutive_failures"], one["running_since"], one["next_fire"]) == (0, None, None)
    assert health["disk"]["free_bytes"] > 0
    assert health["memory"]["total_bytes"] >= health["memory"]["available_bytes"] > 0
    assert stat.S_IMODE((place.state / "health.json").stat().st_mode) == 0o600


def test_without_any_history(tmp_path: Path) -> None:
    """Before the first fire there is nothing wrong."""
    config = tmp_path / "batchctl.toml"
    config.write_text(f"disk_free_min = 1\n{DAILY}", encoding="utf-8")
    done = batchctl("--config", str(config), "--state", str(tmp_path / "new"), "check")
    said = [line for line in done.stdout.splitlines() if " cron: " not in line]
    assert (done.returncode, said) == (0, ["healthy: 1 job, 0 running"])


def test_failures(place: Place) -> None:
    """The last failure and the row of them are found, exit 1; the next success is told of and is healthy."""
    now = clock.now()
    for hours in (5, 4, 3):
        place.rows.run(JOB, now - hours * HOUR, 60.0, "failed")
    assert place.findings() == [("failing", "critical", JOB), ("failed", "warning", JOB)]
    assert place.check().returncode == 1
    assert place.health()["system_status"] == "unhealthy"
    assert [run["status"] for run in place.health()["jobs"][0]["recent_failures"]] == ["failed"] * 3
    place.rows.run(JOB, now - HOUR, 60.0)
    assert place.findings() == [("recovered", "info", JOB)]
    assert place.check().returncode == 0


def test_missed_fires(place: Place) -> None:
    """Cron was off since the day before yesterday: two fires or three are missed, and JSON says which."""
    place.configure(DAILY)
    now = clock.now()
    place.rows.run(JOB, now - 2.5 * DAY, 60.0)
    assert place.findings() == [("missed", "warning", JOB)]
    [gap] = place.health()["jobs"][0]["missed"]
    assert gap["count"] in {2, 3}
    assert gap["first"].endswith("T01:00:00+09:00")


def test_a_new_schedule_has_missed_nothing(place: Place) -> None:
    """What a check saw under another schedule is not held against the new one."""
    place.configure(DAILY)
    place.rows.run(JOB, clock.now() - 2.5 * DAY, 60.0)
    assert place.findings() == [("missed", "warning", JOB)]
    place.configure(DAILY.replace("0 1", "30 2"))
    assert place.findings() == []
    assert place.findings() == []


def test_runs_under_way(place: Place) -> None:
    """A run that is too long, one that is stale, and one whose batchctl is gone."""
    place.configure(
        '[jobs.long]\nrun = "true"\nlong_after = "1h"\n'
        '[jobs.stale]\nrun = "true"\nstale_after = "2h"\n'
        '[jobs.lost]\nrun = "true"\n'
        '[jobs.well]\nrun = "true"\n'
    )
    now, me = clock.now(), identity.myself()
    place.rows.run("long", now - 2 * HOUR, None, owner=me)
    place.rows.run("stale", now - 3 * HOUR, None, owner=me)
    place.rows.run("lost", now - 3 * HOUR, None, owner=DEAD)
    place.rows.run("well", now - 3 * HOUR, None, owner=me)
    found = place.findings()
    assert found == [("lost", "critical", "lost"), ("stale", "critical", "stale"), ("long", "warning", "long")]
    assert [job["state"] for job in place.health()["jobs"]] == ["running", "running", "idle", "running"]


def test_a_lost_run_is_told_with_the_command_that_resumes_it(place: Place) -> None:
    """The alert that a check writes ends with it, as that of a failure does."""
    place.configure('on_alert = ["/bin/true"]\n[jobs.lost]\nrun = "true"\n')
    place.rows.run("lost", clock.now() - HOUR, None, owner=DEAD)
    assert [kind for kind, *_ in place.findings()] == ["lost"]
    ((body,),) = rows(place.rows.state, "select body from outbox")
    last = body.splitlines()[-1]
    assert last.startswith("resume it: batchctl --config ")
    assert last.endswith(" run lost --resume")


def test_the_overrun_of_the_daily_batch(place: Place) -> None:
    """26 hours on a daily fire: the next one is named, and that is as usual."""
    place.configure(DAILY)
    now = clock.now()
    for days in range(20, 2, -2):
        place.rows.run(JOB, now - days * DAY, 26 * HOUR)
    seoul = zones.NamedZone("Asia/Seoul")
    since_one = (now + seoul.offset(now) - HOUR) % DAY
    run = place.rows.run(JOB, now - since_one, None, owner=identity.myself())
    assert [found for found in place.findings() if found[0] != "missed"] == [("overrun", "info", JOB)]
    [text] = [found["text"] for found in place.health()["findings"] if found["kind"] == "overrun"]
    assert f"run {run} is expected to end" in text


def test_results_out_of_bounds(place: Place) -> None:
    """The results of the last success are held against `expect`."""
    place.configure(f'{BY_HAND}expect = {{ collected = ">= 500" }}\n')
    run = place.rows.run(JOB, clock.now() - HOUR, 60.0)
    place.rows.step(run, 1, "31", result={"collected": 412})
    assert place.findings() == [("expect", "warning", JOB)]


def test_skips(place: Place) -> None:
    """So many skips since the last start are a finding."""
    place.configure(f"{BY_HAND}alert_after_skips = 3\n")
    now = clock.now()
    place.rows.skip(JOB, now - 3 * HOUR, count=2)
    assert place.findings() == []
    place.rows.skip(JOB, now - HOUR, "min_gap")
    assert place.findings() == [("skips", "warning", JOB)]


def test_spool_and_disk(place: Place) -> None:
    """The end of a run outside the history, and a disk with less than the operator wants, are about no job."""
    (place.state / "spool").mkdir()
    (place.state / "spool" / "7.json").write_text("no JSON")
    place.config.write_text(f'disk_free_min = "900000 GB"\n{BY_HAND}'.replace(" GB", "GB"), encoding="utf-8")
    assert place.findings() == [("disk", "critical", None), ("spool", "critical", None)]
    first = place.health()
    assert place.findings(JOB) == [("disk", "critical", None), ("spool", "critical", None)]
    # The same event, although a later check finds it.
    assert [one["event_id"] for one in first["findings"]] == [one["event_id"] for one in place.health()["findings"]]
    assert (place.state / "spool" / "7.damaged").exists()


def test_only_some_jobs(place: Place) -> None:
    """Only those that are named are shown and judged; health.json has all."""
    place.configure('[jobs.a]\nrun = "true"\n[jobs.b]\nrun = "true"\n')
    place.rows.run("a", clock.now() - HOUR, 60.0, "failed")
    assert place.check("b").returncode == 0
    assert place.check("a", "b").returncode == 1
    assert [job["job"] for job in place.health()["jobs"]] == ["a", "b"]
    unknown = place.check("c")
    assert unknown.returncode == 2
    assert "there is no job 'c'" in unknown.stderr


@pytest.mark.parametrize(("status", "word", "code"), [("succeeded", "OK", 0), ("failed", "WARNING", 1)])
def test_nagios(place: Place, status: str, word: str, code: int) -> None:
    """One line, perfdata behind the only pipe, and the exit code of a plugin."""
    run = place.rows.run(JOB, clock.now() - HOUR, 60.0, status)
    place.rows.change("update runs set why = ? where id = ?", "a | b\nc\x1b[31m\u202e", run)
    done = place.check("--format", "nagios")
    assert done.returncode == code
    assert done.stdout.count("\n") == 1
    text, perfdata = done.stdout.rstrip("\n").split(" | ")
    assert text.startswith(f"BATCHCTL {word} - ")
    assert "\x1b" not in text
    figures = dict(figure.split("=") for figure in perfdata.split())
    assert (figures["jobs"], figures["criticals"]) == ("1", "0")
    assert re.fullmatch(r"\d+B", figures["disk_free"])


def test_nagios_critical_and_unknown(place: Place) -> None:
    """Three failures in a row are critical; what cannot be checked is unknown and says why."""
    for hours in (5, 4, 3):
        place.rows.run(JOB, clock.now() - hours * HOUR, 60.0, "failed")
    assert place.check("--format", "nagios").returncode == 2
    place.config.write_text("nonsense", encoding="utf-8")
    done = place.check("--format", "nagios")
    assert done.returncode == 3
    assert done.stdout.startswith("BATCHCTL UNKNOWN - ")


_SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+]+)')
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"')


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the samples of an exposition; anything that is not exactly one is an error."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    kinds: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            _, what, name, rest = line.split(" ", 3)
            assert what in {"HELP", "TYPE"}
            if what == "TYPE":
                assert name not in kinds
                kinds[name] = rest
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        name = match[1]
        family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
        assert kinds[family] in ({"gauge", "counter"} if name == family else {"histogram"})
        labels = tuple((key, value.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\"))
                       for key, value in _LABEL.findall(match[2] or ""))  # fmt: skip
        assert (name, labels) not in found
        found[name, labels] = float(match[3])
    return found


def test_prometheus(place: Place, tmp_path: Path) -> None:
    """The file can be collected: every sample parses, and the histogram adds up."""
    now = clock.now()
    for minutes in (1, 5, 30):
        run = place.rows.run(JOB, now - 5 * HOUR, minutes * 60.0)
        place.rows.step(run, 1, "1", cpu_s=1.5, max_rss_bytes=1000 * minutes)
        place.rows.step(run, 2, "2", cpu_s=0.25, max_rss_bytes=9)
    place.rows.skip(JOB, now - HOUR, "min_gap", count=3)
    target = tmp_path / "batchctl.prom"
    assert place.check("--format", "prometheus", "--output", str(target)).returncode == 0
    found, job = parsed(target.read_text(encoding="utf-8")), ("job", JOB)
    assert found["batchctl_last_success_timestamp_seconds", (job,)] == pytest.approx(now - 4.5 * HOUR, abs=1)
    assert found["batchctl_skips_total", (job, ("reason", "min_gap"))] == 3
    assert found["batchctl_consecutive_failures", (job,)] == 0
    assert found["batchctl_running", (job,)] == 0
    assert found["batchctl_last_run_cpu_seconds", (job,)] == 1.75
    assert found["batchctl_last_run_max_rss_bytes", (job,)] == 30_000
    buckets = [value for (name, _), value in found.items() if name == "batchctl_run_duration_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert found["batchctl_run_duration_seconds_bucket", (job, ("le", "60"))] == 1
    assert buckets[-1] == found["batchctl_run_duration_seconds_count", (job,)] == 3
    assert found["batchctl_run_duration_seconds_sum", (job,)] == 36 * 60
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_labels_are_escaped() -> None:
    """A quote, a backslash and a line end in a value stay in it."""
    from batchctl.present.prometheus import _family

    labels = {"job": 'a"b\\c\nd{{e}}<f>'}
    text = _family("x", "Help.", "gauge", [("", labels, 1.5)])
    assert parsed(text) == {("batchctl_x", tuple(labels.items())): 1.5}


def test_names_with_markup(place: Place) -> None:
    """What looks like markup, a template or an escape in what a step said is shown as it is."""
    run = place.rows.run(JOB, clock.now() - HOUR, 60.0, "failed")
    place.rows.change("update runs set why = ? where id = ?", "[red]x[/red] {{ 1 }} %s \x1b[2J" + "가" * 9_000, run)
    done = place.check()
    assert "[red]x[/red] {{ 1 }} %s \\x1b[2J가가" in done.stdout
    assert "\x1b" not in done.stdout
    assert json.loads(place.check("--format", "json").stdout)["findings"][0]["text"].count("가") == 9_000


@pytest.mark.parametrize("target", ["missing/out.prom", "/dev/full", "."])
def test_output_that_cannot_be_written(place: Place, tmp_path: Path, target: str) -> None:
    """It is said what and where, and health.json is there all the same."""
    path = target if target.startswith("/") else str(tmp_path / target)
    done = place.check("--format", "prometheus", "--output", path)
    assert done.returncode == 1
    assert f"cannot write the check to {path}" in done.stderr
    assert place.health()["system_status"] == "healthy"


def test_health_that_cannot_be_written(place: Place) -> None:
    """The findings are shown all the same, and the exit code says that the state cannot be trusted."""
    (place.state / "health.json").mkdir()
    place.rows.run(JOB, clock.now() - HOUR, 60.0, "failed")
    done = place.check()
    assert done.returncode == 74
    assert "failed" in done.stdout
    assert "cannot write" in done.stderr


def test_a_history_that_cannot_be_trusted(place: Place) -> None:
    """An old `healthy` would be a lie: health.json says that nothing can be said."""
    assert place.check().returncode == 0
    for path in place.state.glob("batchctl.db*"):
        path.unlink()
    (place.state / "batchctl.db").write_bytes(b"garbage" * 1000)
    done = place.check()
    assert done.returncode == 74
    assert place.health()["system_status"] == "unhealthy"
    assert "batchctl.db" in place.health()["error"]


@pytest.mark.parametrize("left", ["no JSON", '{"jobs": 3}', "[]", '{"jobs": [{"job": "a"}], "findings": []}', "\0"])
def test_a_damaged_health_file_is_replaced(place: Place, left: str) -> None:
    """What the last check left is of use where it can be read, and no trouble where it cannot."""
    (place.state / "health.json").write_text(left)
    assert place.check().returncode == 0
    assert place.health()["system_status"] == "healthy"


def test_a_clock_that_was_set_back(place: Place) -> None:
    """Runs, skips and the last check lie in the future; nothing is found, nothing breaks."""
    place.configure(DAILY)
    now = clock.now()
    place.rows.run(JOB, now + DAY, 60.0)
    place.rows.skip(JOB, now + DAY)
    assert place.check().returncode == 0
    health = place.health()
    health["jobs"][0]["watched_since"] = zones.iso(now + 300 * DAY, clock.SystemZone())
    (place.state / "health.json").write_text(json.dumps(health), encoding="utf-8")
    done = place.check()
    assert (done.returncode, done.stderr) == (0, "")


def test_results_that_are_no_json(place: Place) -> None:
    """A step that wrote NaN does not make health.json unreadable for strict readers."""
    run = place.rows.run(JOB, clock.now() - HOUR, 60.0)
    place.rows.step(run, 1, "31", result={"ratio": float("nan")})
    assert place.check().returncode == 0
    text = (place.state / "health.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert place.health()["jobs"][0]["last_success"]["results"] == {"31": {"ratio": None}}


def test_a_spooled_end_is_imported(place: Place) -> None:
    """The end that a run could not write down is in the history after the check."""
    me = replace(DEAD, pid=2)
    run = place.rows.run(JOB, clock.now() - HOUR, None, owner=me)
    from batchctl.core.run import Run
    from batchctl.store import spool

    ended = Run(run, JOB, clock.now() - HOUR, "0" * 24, [])
    ended.status, ended.ended_at, ended.duration, ended.exit_code = "failed", clock.now(), HOUR, 1
    spool.keep(str(place.state), ended, me)
    assert place.findings() == [("failed", "warning", JOB)]
    assert rows(place.state, "select status from runs") == [("failed",)]


def test_alerts_once_each(place: Place, tmp_path: Path) -> None:
    """Two checks find the same failure and the same missed fires, and tell of each once; then that they are over."""
    told = tmp_path / "told"
    place.configure(
        f'on_alert = ["sh", "-c", "cat >> {told}; echo >> {told}"]\n{DAILY}'  # a line for each alert
    )
    place.rows.run(JOB, clock.now() - 2.5 * DAY, 60.0, "failed")
    for _ in range(2):
        assert place.check().returncode == 1
    alerts = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert sorted((alert["kind"], alert["job"]) for alert in alerts) == [("failed", JOB), ("missed", JOB)]
    place.rows.run(JOB, clock.now() - 60, 5.0)
    place.check()
    kinds = [json.loads(line)["kind"] for line in told.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert kinds.count("recovered") == 1
    connection = connect(str(place.state), create=False)
    open_alerts = connection.execute("select kind from outbox where lasting = 1 and over_at is null").fetchall()
    connection.close()
    # Started by hand after the last missed fire: that makes up for it.
    assert open_alerts == []
