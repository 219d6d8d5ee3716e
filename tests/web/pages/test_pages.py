"""The pages without a script: what they show and in which words, what their forms do, and what they let nobody do."""

from __future__ import annotations

import gzip
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote

import live_page
import pytest
from history_rows import DAY, HOUR, Rows
from serving import serving
from support import wait_for

from batchctl.base import clock
from batchctl.process import identity
from batchctl.web.pages import frame

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from serving import Server

_EMPTY = 'timezone = "Asia/Seoul"\n'
_JOB = f"/ui/jobs/{quote('일괄-수집')}"


class _Page(HTMLParser):
    """A page: its tags, and what is wrong with it."""

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each tag of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def wrong(self) -> list[str]:
        """Return what no page may have: script or style in the page itself, ids that stand twice, nameless fields."""
        ids = [each["id"] for _, each in self.tags if each.get("id")]
        found = [f"id {each} stands twice" for each in {each for each in ids if ids.count(each) > 1}]
        labelled = {each.get("for") for each in self.of("label")}
        for tag, attributes in self.tags:
            found += [f"{tag} has {name}" for name in attributes if name == "style" or name.startswith("on")]
            if tag == "style" or (tag == "script" and not attributes.get("src")):
                found.append(f"<{tag}> in the page")
            hidden = attributes.get("type") in {"hidden", "radio"}
            if tag in {"input", "select", "textarea"} and not hidden and attributes.get("id") not in labelled:
                found += [] if attributes.get("name") == "for" else [f"{attributes} has no label"]
        return found + ([] if len(self.of("h1")) == 1 else ["not one h1"])


def _get(client: httpx.Client, path: str, lang: str = "en") -> str:
    answer = client.get(path, headers={"Accept-Language": f"{lang},fr;q=0.5"})
    assert answer.status_code == 200, (path, answer.text)
    return answer.text


def test_each_page_speaks_both_languages_and_keeps_its_own_rules(tmp_path: Path) -> None:
    """Words of one's language, one heading, a name for each field, and nothing that the policy would have to allow."""
    live_page.write(tmp_path)
    pages = {
        "/scheduler": ("Running", "실행 중"),
        "/ui/upcoming": ("Upcoming", "예정"),
        _JOB: ("What a fire would do now", "지금 호출하면"),
        f"{_JOB}/what-if": ("How long a run takes", "1회 소요 시간"),
        "/ui/new": ("Save the job", "작업 저장"),
        "/ui/runs/6/steps/33/log": ("Output of step 33", "단계 33의 출력"),
    }
    with serving(tmp_path, (tmp_path / "c.toml").read_text(encoding="utf-8")) as server:
        for path, (english, korean) in pages.items():
            for lang, word in (("en", english), ("ko", korean)):
                text = _get(server.admin, path, lang)
                assert f'<html lang="{lang}">' in text
                assert word in text, (path, lang)
                assert _Page(text).wrong() == [], (path, lang)
        # What was chosen on a page counts more than what the browser prefers.
        chosen = server.admin.post("/ui/language", data={"lang": "ko", "to": _JOB}, headers=_OWN)
        assert (chosen.status_code, chosen.headers["location"]) == (303, _JOB)
        assert '<html lang="ko">' in _get(server.admin, "/scheduler")


_OWN = {"Sec-Fetch-Site": "same-origin"}


def test_now_tells_what_runs_first_and_in_the_browsers_zone_too(tmp_path: Path) -> None:
    """The running job, then what needs a hand; step, time so far and expected end in words, with the bar's levels."""
    live_page.write(tmp_path)
    with serving(tmp_path, (tmp_path / "c.toml").read_text(encoding="utf-8")) as server:
        text = _get(server.admin, "/scheduler")
        cards = [each["data-job"] for each in _Page(text).of("article")]
        assert cards == ["일괄-수집", "재고-동기화", "after-all"]
        assert "step 33 (3/6) 57/100 (57%) · 11h 48m so far" in text
        assert "p95 26h 00m" in text
        assert "timeout 30h 00m" in text
        # Data is data: what a step wrote as its reason is no tag.
        assert "step 1: &lt;exit&gt; code 3" in text
        assert " here" not in text
        server.admin.cookies.set("zone", quote("America/New_York", safe=""))
        assert re.search(
            r"ends ~\w{3} \d\d:\d\d ±\S+ \S+ <span class=\"here\">\w{3} \d\d:\d\d here</span>",
            _get(server.admin, "/scheduler"),
        )
        server.admin.cookies.set("zone", quote("../../etc/passwd", safe=""))
        assert " here" not in _get(server.admin, "/scheduler")


def test_an_empty_installation_shows_the_first_three_steps(tmp_path: Path) -> None:
    """No empty table; one button makes the default jobs, which then stand there."""
    with serving(tmp_path, _EMPTY) as server:
        text = _get(server.admin, "/scheduler")
        assert text.count("<li><h2>") == 3
        made = server.admin.post("/ui/presets", headers=_OWN)
        assert (made.status_code, made.headers["location"]) == (303, "/scheduler")
        after = _get(server.admin, "/scheduler")
        assert 'data-job="daily-batch"' in after
        assert "Created: " in after
        # What was done is said once.
        assert "Created: " not in _get(server.admin, "/scheduler")


def _act(server: Server, path: str, **fields: str) -> str:
    """Send a form and return the page that it leads to."""
    answer = server.admin.post(path, data=fields, headers=_OWN)
    assert answer.status_code == 303, answer.text
    return _get(server.admin, answer.headers["location"])


def test_forms_pause_resume_stop_and_delete_and_say_so(tmp_path: Path) -> None:
    """Every button of the pages that needs no child process; what cannot be done is said on the same page."""
    config = _EMPTY
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.b.toml").write_text('daily = "01:00"\nrun = "true"\n')
    with serving(tmp_path, config) as server:
        assert "Everything is paused until" in _act(server, "/ui/stop", **{"for": "2h"})
        assert "a.b is paused until <code>batchctl resume</code>." in _act(server, "/ui/jobs/a.b/pause")
        assert 'aria-checked="false"' in _get(server.admin, "/scheduler")
        assert "a.b is resumed." in _act(server, "/ui/jobs/a.b/resume")
        assert "a.b is not running." in _act(server, "/ui/jobs/a.b/stop", to="/ui/jobs/a.b")
        assert "a.b is disabled." in _act(server, "/ui/jobs/a.b/disable")
        assert "a.b is enabled." in _act(server, "/ui/jobs/a.b/enable")
        assert "there is no job" in _act(server, "/ui/jobs/nothing/stop")
        # A form never leads to another site.
        for to in ("//evil.example/", "https://evil.example", "/ui//evil", "/ui/\\evil", "/login"):
            led = server.admin.post("/ui/jobs/a.b/stop", data={"to": to}, headers=_OWN)
            assert led.headers["location"] == "/scheduler", to
        assert "a.b is deleted." in _act(server, "/ui/jobs/a.b/delete")
        assert not (tmp_path / "jobs.d" / "a.b.toml").exists()
        # What was refused was not done, and choosing a page is no action.
        done = [*("pause", "resume"), *["stop"] * 6, *("disable", "enable", "delete")]
        assert sorted(_acts(server)) == sorted([("", "stop"), *(("a.b", act) for act in done)])


def _acts(server: Server) -> list[tuple[str, str]]:
    """Return the actions that `events` tells: the job, "" where it is all, and what was done."""
    told = map(json.loads, server.call("events", "--json").stdout.splitlines())
    return [(event["job"] or "", event["reason"]) for event in told if event["event"] == "action"]


def test_a_log_comes_page_by_page_in_colours_and_without_secrets(tmp_path: Path) -> None:
    """The last 64 KB, what was before joined without a gap, a secret across the seam masked, markup shown as text."""
    config = 'jobs.x = { run = "true", secrets = ["KEY"], env = { KEY = "hunter2-geheim" } }\n'
    rows, now = Rows(tmp_path / "state"), clock.now()
    (tmp_path / "state" / "history-began").touch(0o600)
    run = rows.run("x", now - HOUR, 60.0)
    rows.step(run, 1, "x", duration_s=60.0)
    lines = b"".join(
        b"%05d hunter2-geheim \x1b[31m<b>red</b>\x1b[0m\x1b]0;title\x07 \xed\x95\x9c\n" % n for n in range(4000)
    )
    rows.log(run, 1, 1, lines)
    with serving(tmp_path, config) as server:
        lead = server.admin.get(f"/ui/runs/{run}/log")
        address = f"/ui/runs/{run}/steps/x/log"
        assert (lead.status_code, lead.headers["location"]) == (303, address)
        seen: list[int] = []
        path = address
        while True:
            text = _get(server.admin, path)
            assert "hunter2" not in text
            assert '<span class="a1">&lt;b&gt;red&lt;/b&gt;</span>' in text
            assert "\x1b" not in text
            seen = [int(number) for number in re.findall(r"^(\d{5}) \*{14} ", text, re.MULTILINE)] + seen
            earlier = re.search(r'href="([^"]+\?before=\d+[^"]*)"', text)
            if earlier is None:
                break
            path = earlier[1].replace("&amp;", "&")
        assert seen == list(range(4000))
        size = re.search(r'data-next="(\d+)"', _get(server.admin, address))
        assert size is not None
        assert int(size[1]) == len(lines)
        assert server.admin.get("/ui/runs/999/steps/x/log").status_code in {404, 422}


def test_what_if_shows_the_one_decision_and_keeps_what_is_wrong(tmp_path: Path) -> None:
    """26 h every day start every 48 h; a duration that is none stays in its field, with what is wrong beside it."""
    with serving(tmp_path, _EMPTY) as server:
        text = _get(server.admin, "/ui/what-if?duration=26h&cron=0+1+*+*+*&horizon=7d")
        assert "<b>48h 00m</b>" in text
        assert "already running" in text
        wrong = server.admin.get("/ui/what-if?duration=26&cron=0+1+*+*+*")
        assert wrong.status_code == 422
        assert 'value="26"' in wrong.text
        assert "26h?" in wrong.text


_FORM = {
    "name": "새-작업",
    "does": "preset",
    "preset": "daily-batch",
    "when": "daily",
    "schedule": "01:00",
    "timeout": "30h",
}


def test_a_new_job_shows_its_fires_before_it_is_saved(tmp_path: Path) -> None:
    """Words and ten verdicts; nothing is written by looking; then it stands among the jobs."""
    with serving(tmp_path, _EMPTY) as server:
        seen = server.admin.post("/ui/new", data={**_FORM, "do": "preview"}, headers=_OWN)
        assert seen.status_code == 200
        assert "every day, at 01:00" in seen.text
        assert seen.text.count('<li class="start">') == 5
        assert seen.text.count('<li class="skip">') == 5
        assert not (tmp_path / "jobs.d").exists()
        page = _act(server, "/ui/new", **_FORM, do="save", params='{"limit": 300}')
        assert "새-작업 is saved." in page
        assert "limit = 300" in (tmp_path / "jobs.d" / "새-작업.toml").read_text(encoding="utf-8")
        assert _acts(server) == [("새-작업", "create")]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "a/b", "cannot be the name of a job"),
        ("schedule", "25:00", "25:00"),
        ("timeout", "soon", "soon"),
        ("params", '{"limit": }', "this is no JSON"),
        ("params", "[1]", "this is no JSON object"),
        ("retries", "many", "must be a whole number"),
        ("preset", "", "a job needs something to do"),
    ],
)
def test_what_is_wrong_with_a_form_stands_beside_its_field(tmp_path: Path, field: str, value: str, said: str) -> None:
    """The fault is named by the field, everything that was filled in is kept, and nothing is written."""
    with serving(tmp_path, _EMPTY) as server:
        answer = server.admin.post("/ui/new", data={**_FORM, field: value, "do": "save"}, headers=_OWN)
        assert answer.status_code == 422
        page = _Page(answer.text)
        beside = re.search(rf'id="{field}-fault"[^>]*>(.*?)</span></span>', answer.text, re.DOTALL)
        assert beside is not None, answer.text
        assert said in beside[1]
        fields = {each["name"]: each.get("value") for each in page.of("input") if each.get("name")}
        assert fields["name"] == (value if field == "name" else _FORM["name"])
        assert fields["schedule"] == (value if field == "schedule" else _FORM["schedule"])
        assert not (tmp_path / "jobs.d").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"does": "command", "command": "touch /tmp/x"}, "commands are not written on a page"),
        ({"does": "function", "function": "os:system"}, "no job here runs this function yet"),
    ],
)
def test_no_page_lets_anything_be_run(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    """Whoever has a token may arrange what is there, and bring nothing of their own."""
    with serving(tmp_path, _EMPTY) as server:
        answer = server.admin.post("/ui/new", data={**_FORM, **fields, "do": "save"}, headers=_OWN)
        assert answer.status_code == 422
        assert said in answer.text
        assert not (tmp_path / "jobs.d").exists()


def test_style_and_script_stay_small() -> None:
    """Together under 40 KB packed, and the addresses change with what they hold."""
    files = frame.static()
    packed = sum(len(gzip.compress(content)) for _, content, _ in files.values())
    assert packed < 40_000 / 2
    assert len({tag for _, _, tag in files.values()}) == len(files)


def _busy(place: Path) -> str:
    """Write a history of 200 jobs, ten of which run, and return their configuration."""
    rows, now, jobs = Rows(place / "state"), clock.now(), list[str]()
    (place / "state" / "history-began").touch(0o600)
    for number in range(200):
        name = f"{('수집', 'upload', 'report', '정산')[number % 4]}-{number:03d}"
        schedule = f"{number % 60} {number % 24} * * *"
        jobs.append(f'[jobs."{name}"]\ndescription = "job {number}"\nschedule = "{schedule}"\nrun = "true"\n')
        for day in range(1, 3):
            status = "failed" if number % 17 == 0 else "succeeded"
            run = rows.run(name, now - day * DAY + number * 61, 600.0 + number, status)
            rows.step(run, 1, name, duration_s=600.0 + number)
        if number % 20 == 3:
            run = rows.run(name, now - HOUR, None, owner=identity.myself())
            rows.step(run, 1, name, "running", started_at=now - HOUR)
    return "".join(jobs)


def test_the_page_of_200_jobs_is_small(tmp_path: Path) -> None:
    """At most 30 KB packed, with runs, failures and coming fires."""
    with serving(tmp_path, _EMPTY + _busy(tmp_path)) as server:
        answer = server.admin.get("/scheduler")
        assert len(_Page(answer.text).of("article")) == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.num_bytes_downloaded <= 30_000


def test_a_button_starts_and_ends_a_run(tmp_path: Path) -> None:
    """Run, then the live log, then stop, then continue; the scheduler's start writes the crontab's block."""
    config = _EMPTY + '[jobs.x]\ndaily = "01:00"\ngrace = "1s"\nrun = "echo 시작; sleep 600"\n'
    with serving(tmp_path, config) as server:
        assert "Run 1 of x is under way." in _act(server, "/ui/jobs/x/run", to="/ui/jobs/x")
        assert "x was skipped: already running." in _act(server, "/ui/jobs/x/run")
        log = server.admin.get("/ui/runs/1/log").headers["location"]
        wait_for(lambda: "시작" in _get(server.admin, log), "the first line")
        following = re.search(r'data-next="(\d+)" data-follow="([^"]+)"', _get(server.admin, log))
        assert following is not None
        assert server.admin.get(following[2] + following[1]).status_code == 204
        assert "Run 1 of x: cancelled." in _act(server, "/ui/jobs/x/stop", to="/ui/jobs/x")
        assert "Run 2 of x is under way." in _act(server, "/ui/jobs/x/continue")
        assert "Run 2 of x: cancelled." in _act(server, "/ui/jobs/x/stop")
        assert "Installed 1 line(s) for 1 job(s)" in _act(server, "/ui/start")
        assert "run x" in server.crontab.read_text()
