"""The pages: strict policy, escaped data, masked secrets, a bounded size, complete for those who do not see."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import live_page
import pytest
import sample_history as sample
from history_rows import DAY, HOUR, Rows
from support import cron_fires_all

from batchctl.base import clock
from batchctl.commands.cli import main

SPAN = ["--since", "2026-09-22", "--until", "2026-11-21T00:30"]


def page(options: list[str], place: Path, *words: str) -> str:
    """Return the page that these words make."""
    target = place / "page.html"
    assert main([*options, *words, "--format", "html", "--output", str(target)]) == 0
    return target.read_text(encoding="utf-8")


class Outline(HTMLParser):
    """Collects tags, attributes and ids."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a tag."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture
def sample_page(tmp_path: Path) -> str:
    """Make the report of the sample history."""
    return page(sample.write(tmp_path), tmp_path, "report", *SPAN)


def test_the_page_stands_alone(sample_page: str) -> None:
    """No script, no address of anything outside, no style but the one whose hash the policy names."""
    outline = Outline(sample_page)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(outline.tags)
    names = {name for name, _ in outline.attributes}
    assert not {"src", "style", "onload", "onclick", "srcset"} & names
    assert all(value.startswith("#") for name, value in outline.attributes if name == "href")
    (style,) = re.findall("<style>(.*?)</style>", sample_page, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in sample_page.replace("&#39;", "'")
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_has_a_name_and_a_table(sample_page: str) -> None:
    """Each SVG of a figure is named and described by ids that are unique; each figure has its data as a table."""
    ids = re.findall(r'\bid="([^"]+)"', sample_page)
    assert len(ids) == len(set(ids))
    labelled = re.findall(r'<svg class="chart"[^>]*aria-labelledby="(\S+) (\S+)"', sample_page)
    assert len(labelled) > 20
    assert {name for pair in labelled for name in pair} <= set(ids)
    for title in ("Days", "Starts and skips", "Durations", "Steps", "Results"):
        assert sample_page.count(f"<summary>{title} as a table</summary>") == 2
    assert '<html lang="en">' in sample_page
    assert f'lang="ko">{sample.BATCH}</h2>' in sample_page


def test_what_the_page_tells(sample_page: str) -> None:
    """The resumed story counts once, the cadence stands beside the schedule, skips have their reasons."""
    text = re.sub("<[^>]+>", " ", sample_page)
    for piece in (
        "93% (28 of 30)",
        "already running 29, min gap 1",
        "48h 00m",
        "continued by run 27",
        "timed out",
        "timeout 30h",
        "키워드-검색",
        "31 · 저장",
    ):
        assert piece in text


def test_log_tails_are_masked_and_harmless(sample_page: str) -> None:
    """The end of a failed step's log is shown without its secrets, its escapes and its markup."""
    assert "MarketDown: 503" in sample_page
    assert "(키 ***)" in sample_page
    assert sample.SECRET not in sample_page
    assert r"\x1b[31m오류" in sample_page
    assert "&lt;응답 503&gt;" in sample_page
    assert "\x1b" not in sample_page


def test_a_log_whose_secrets_are_unknown_is_not_shown(tmp_path: Path) -> None:
    """Without the job's configuration nobody knows what to mask, so the log stays where it is."""
    options = sample.write(tmp_path)
    config = tmp_path / "batchctl.toml"
    config.write_text(sample.CONFIG.replace(f'"{sample.BATCH}"', "another"), encoding="utf-8")
    text = page(options, tmp_path, "report", sample.BATCH, *SPAN)
    assert "MarketDown" not in text
    assert "its secrets are not known" in text


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    """Names of jobs, steps and results, reasons and logs cannot add markup to the page."""
    evil = "\"><script>alert(1)</script><b onclick='x'>\x1b]0;x\x07"
    rows, now = Rows(tmp_path / "state"), clock.now()
    (tmp_path / "c.toml").write_text('timezone = "Asia/Seoul"\n')
    for number in range(3):
        run = rows.run(evil, now - DAY + number * HOUR, 60.0, "failed" if number else "succeeded")
        rows.step(run, 1, evil, "failed" if number else "succeeded", step_group=evil, duration_s=9.0)
        rows.step(run, 2, evil + "2", result={evil: number, "text": evil}, duration_s=9.0)
        rows.change("update runs set why = ? where id = ?", evil, run)
    rows.skip(evil, now - HOUR, evil)
    options = ["--config", str(tmp_path / "c.toml"), "--state", str(rows.state)]
    text = page(options, tmp_path, "report")
    outline = Outline(text)
    assert "script" not in outline.tags
    assert text.count("&lt;script&gt;") > 10
    assert "onclick" not in {name for name, _ in outline.attributes}
    assert "\x1b" not in text


def test_a_long_history_makes_a_bounded_page(tmp_path: Path) -> None:
    """Thousands of runs and skips are drawn as bands and lines: the page stays below a megabyte."""
    rows, now = Rows(tmp_path / "state"), clock.now()
    (tmp_path / "c.toml").write_text(
        'timezone = "Asia/Seoul"\n[jobs.often]\nschedule = "* * * * *"\nsteps = [{ id = "1", run = "true" }]\n'
    )
    rows.change(
        "with recursive n(i) as (select 0 union all select i + 1 from n where i < 19999) insert into runs"
        " (job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks, started_mono_s, token)"
        " select 'often', case i % 7 when 0 then 'failed' else 'succeeded' end, ? - i * 120, ? - i * 120 + 60,"
        " 60 + i % 9, 'h', 'b', 1, 1, 0, 't' from n",
        now - 200,
        now - 200,
    )
    rows.change(
        "with recursive n(i) as (select 0 union all select i + 1 from n where i < 19999) insert into skips"
        " (job, reason, count, first_at, last_at) select 'often', 'already_running', 1, ? - i * 120, ? - i * 120"
        " from n",
        now,
        now,
    )
    options = ["--config", str(tmp_path / "c.toml"), "--state", str(rows.state)]
    assert len(page(options, tmp_path, "report").encode()) < 1_000_000


def test_empty_history(tmp_path: Path) -> None:
    """Where nothing ran the page says so with its zeros, and is whole."""
    (tmp_path / "c.toml").write_text('[jobs.x]\nsteps = [{ id = "1", run = "true" }]\n')
    text = page(["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")], tmp_path, "report")
    assert "</html>" in text
    assert "<b>0</b><span>runs</span>" in text


@pytest.mark.parametrize("words", [("--weekly", "Weeks", "2026-W46"), ("--monthly", "Months", "2026-10")])
def test_periods_have_a_table(tmp_path: Path, words: tuple[str, str, str]) -> None:
    """Weeks and months stand in a table of each job."""
    option, name, period = words
    text = page(sample.write(tmp_path), tmp_path, "report", option, *SPAN)
    assert f"<h3>{name}</h3>" in text
    assert f'data-name="{name[:-1]}">{period}</td>' in text


def test_preview_page(tmp_path: Path) -> None:
    """The preview of the case that everything is measured against: 48 h, and what would fix it."""
    options = sample.write(tmp_path)
    text = page(options, tmp_path, "simulate", sample.BATCH, "--duration", "26h")
    assert "<b>48h 00m</b><span>effective interval</span>" in text
    assert 'class="advice"' in text
    assert "already running" in text
    assert "<summary>Fires as a table</summary>" in text


def test_the_page_begins_with_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs and until when, what is broken and how to go on, the next fires, open alerts; and then the past."""
    cron_fires_all(monkeypatch)
    options = live_page.write(tmp_path)
    text = page(options, tmp_path, "report")
    words = re.sub(r"\s+", " ", re.sub("<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL))
    order = (
        *("Now", "step 33 (3/6) 57/100 (57%) · 11h 4", "ends ~", "±", "so far", "timeout", "Needs a hand"),
        *(
            "재고-동기화",
            "failed",
            "step 1: &lt;exit&gt; code 3",
            "run 재고-동기화 --resume",
            "Next fires",
            "start, 14",
        ),
        *("skip (already running)", "Open alerts", "재고-동기화: run 7 failed", "Jobs", "At a glance"),
    )
    place = 0
    for piece in order:
        assert piece in words[place:], piece
        place = words.index(piece, place)
    only = page(options, tmp_path, "report", "after-all")
    assert "Nothing is running." in only
    assert "no crontab line fires it" not in only
    assert "Needs a hand" not in only


def test_a_page_of_the_past_has_no_now(sample_page: str) -> None:
    """Where the window ends before the present, nothing is said of the present."""
    assert 'id="now"' not in sample_page


def test_the_future_has_not_succeeded(tmp_path: Path) -> None:
    """A preview says what would be, in its legend and in its tips."""
    options = sample.write(tmp_path)
    text = page(options, tmp_path, "simulate", sample.BATCH, "--duration", "31h")
    assert "would end as timed out" in text
    fits = page(options, tmp_path, "simulate", sample.BATCH, "--duration", "20h")
    assert "would run" in fits
    assert "succeeded" not in re.sub('<style>.*?</style>|class="[^"]*"', "", fits, flags=re.DOTALL)


def test_the_page_promises_nothing_that_cron_does_not_do(tmp_path: Path) -> None:
    """Without a line in the crontab no fire is promised."""
    text = page(live_page.write(tmp_path), tmp_path, "report")
    assert text.count("no crontab line fires it") == 3
