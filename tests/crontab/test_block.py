"""Jobs become crontab lines that a shell under cron reads back word for word."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchctl.base.record import replace
from batchctl.core.model import Config, Job, Rules
from batchctl.core.time import zones
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.crontab.block import (
    WITHOUT_CARE,
    UnwritableError,
    block_lines,
    care_lines,
    command,
    entries,
    one_line,
)

UTC = zones.NamedZone("Etc/UTC")
NOW = 1795222800.0  # 2026-11-21 01:00 UTC
CALL = ("/opt/bin/batchctl",)


def a_job(name: str, schedule: Schedule, *, timezone: str | None = None, enabled: bool = True, about: str = "") -> Job:
    """Return a job with this schedule."""
    rules = Rules(zone=zones.NamedZone(timezone) if timezone else UTC, enabled=enabled)
    return Job(name=name, description=about, schedule=schedule, rules=rules, steps=(), timezone=timezone)


def config_of(*jobs: Job) -> Config:
    """Return a configuration of these jobs."""
    return Config(
        path=None,
        files=(),
        jobs={job.name: job for job in jobs},
        timezone=None,
        zone=UTC,
        state_dir=None,
        pools={},
        origins={},
    )


def by_cron(text: str) -> Schedule:
    """Return the schedule of a cron expression."""
    return Schedule(text=text, cron=parse_cron(text))


def lines_of(job: Job) -> tuple[str, ...]:
    """Return the lines of one job under a cron that runs in UTC."""
    return tuple(line for entry in entries(config_of(job), CALL, UTC, NOW) for line in entry.lines)


def as_cron_reads(line: str) -> str:
    r"""Return the command after cron has taken its `\%` for percent signs, as Debian's do_command.c does."""
    out, escaped = "", False
    for char in line:
        if escaped and char == "%":
            out = out[:-1] + char
            escaped = False
            continue
        assert char != "%", "cron would end the command here"
        escaped = char == "\\" and not escaped
        out += char
    return out


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        # the line of the contract
        (a_job("daily-batch", by_cron("0 1 * * *")), ("0 1 * * * /opt/bin/batchctl run daily-batch",)),
        # Hangul is an ordinary name
        (a_job("일일-배치", by_cron("@daily")), ("@daily /opt/bin/batchctl run '일일-배치'",)),
        # the sparsest line; the decision skips the rest
        (a_job("a", Schedule(text="30h", every=108000.0)), ("0 */6 * * * /opt/bin/batchctl run a",)),
        # twice a minute
        (
            a_job("a", Schedule(text="30s", every=30.0)),
            ("* * * * * /opt/bin/batchctl run a", "* * * * * sleep 30 && /opt/bin/batchctl run a"),
        ),
        # once: an instant, written in cron's zone whatever the job's is
        (
            a_job("a", Schedule(text="2026-12-01T12:00:00", at=1796094000.0), timezone="Asia/Seoul"),
            ("0 3 1 12 * /opt/bin/batchctl run a",),
        ),
        # 01:00 in Seoul, where cron runs in UTC
        (a_job("a", by_cron("0 1 * * *"), timezone="Asia/Seoul"), ("0 16 * * * /opt/bin/batchctl run a",)),
        # a zone that is cron's
        (a_job("a", by_cron("0 1 * * *"), timezone="Etc/UTC"), ("0 1 * * * /opt/bin/batchctl run a",)),
        # jitter is slept, in cron's zone and in another
        (a_job("a", replace(by_cron("0 1 * * *"), delay=83.0)), ("0 1 * * * sleep 83 && /opt/bin/batchctl run a",)),
        (
            a_job("a", replace(by_cron("0 1 * * *"), delay=83.0), timezone="Asia/Seoul"),
            ("0 16 * * * sleep 83 && /opt/bin/batchctl run a",),
        ),
        # nothing to fire
        (a_job("a", by_cron("0 1 * * *"), enabled=False), ()),
        (a_job("a", Schedule()), ()),
    ],
)
def test_lines_of_a_job(job: Job, expected: tuple[str, ...]) -> None:
    """Every schedule that is enabled has its line or lines, and no other job has any."""
    assert lines_of(job) == expected


def test_a_shifted_line_says_so() -> None:
    """Where cron's zone is not the job's, the block and the entry name both zones and the original."""
    entry = entries(config_of(a_job("a", by_cron("0 1 * * *"), timezone="Asia/Seoul")), CALL, UTC, NOW)[0]
    assert entry.note == "'0 1 * * *' in Asia/Seoul, written in cron's zone, Etc/UTC"
    assert f"# NOTE: {entry.note}" in block_lines([entry])


def test_a_schedule_that_cron_cannot_keep_is_refused() -> None:
    """A fixed hour in a zone with summer time is no line for a cron without; the message says what to do."""
    job = a_job("shop", by_cron("0 1 * * *"), timezone="America/New_York")
    with pytest.raises(UnwritableError, match=r"shop: '0 1 \* \* \*' in America/New_York .* Etc/UTC") as caught:
        lines_of(job)
    assert "write the schedule in Etc/UTC" in caught.value.remedy


def test_an_interval_is_kept_in_any_zone() -> None:
    """`every` comes by often enough whatever the clocks do, so it is never refused, but told."""
    job = a_job("shop", Schedule(text="30h", every=108000.0), timezone="America/New_York")
    (entry,) = entries(config_of(job), CALL, UTC, NOW)
    assert entry.lines == ("0 */6 * * * /opt/bin/batchctl run shop",)
    assert "counted in Etc/UTC, not America/New_York" in entry.note


def test_descriptions_stay_on_one_comment_line() -> None:
    """No description can end its comment and become a crontab line of its own."""
    about = "첫째 줄\n* * * * * rm -rf /\r\x1b[31m\u2028끝"
    (entry,) = entries(config_of(a_job("a", by_cron("0 1 * * *"), about=about)), CALL, UTC, NOW)
    assert entry.description == "첫째 줄 * * * * * rm -rf / [31m 끝"
    assert block_lines([entry])[1:] == [f"# a: {entry.description}", "0 1 * * * /opt/bin/batchctl run a"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # nothing to quote
        ("/srv/a-b_c.d/x", "/srv/a-b_c.d/x"),
        # a space
        ("/srv/a b", "'/srv/a b'"),
        # a bare percent sign would end the command
        ("100%", r"100\%"),
        # a backslash before it would eat the escape
        (r"a\%b", r"""'a\''\%b'"""),
        # two do not
        (r"a\\%b", r"""'a\\\%b'"""),
        # the shell's own quote
        ("it's", """'it'"'"'s'"""),
    ],
)
def test_command_quotes(word: str, expected: str) -> None:
    """A word is quoted for the shell and escaped for cron."""
    assert command([word]) == expected


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])), min_size=1))
def test_command_is_read_back_word_for_word(words: list[str]) -> None:
    """Whatever the words are made of, cron and then the shell see the same words."""
    assert shlex.split(as_cron_reads(command(words))) == words


@pytest.mark.parametrize("char", ["\n", "\r", "\0"])
def test_line_breaks_are_refused(char: str) -> None:
    """A path with a line break would become a second crontab line, so it is refused."""
    with pytest.raises(UnwritableError, match="cannot stand in a crontab"):
        command([f"/srv/a{char}* * * * * rm"])


@given(st.text())
def test_one_line_prints(text: str) -> None:
    """A sanitised text is printable and has no double spaces."""
    found = one_line(text)
    assert found.isprintable()
    assert "  " not in found


def test_catch_up_when_the_machine_comes_up() -> None:
    """Without care one @reboot line still stands for all enabled jobs that want it; without any there is none."""
    wanting = replace(a_job("일일", by_cron("0 1 * * *")), catch_up=True)
    other = a_job("b", by_cron("0 2 * * *"))
    off = replace(a_job("c", by_cron("0 3 * * *"), enabled=False), catch_up=True)
    by_hand = replace(a_job("d", Schedule()), catch_up=True)
    found = care_lines(config_of(wanting, other, off, by_hand), ("/opt/a b/batchctl",), care=False)
    assert found == ("# Care of all jobs", "@reboot '/opt/a b/batchctl' catch-up", WITHOUT_CARE)
    assert block_lines((), found)[-3:] == list(found)
    assert care_lines(config_of(other, off, by_hand), CALL, care=False) == (WITHOUT_CARE,)


def test_care_but_for_what_is_taken() -> None:
    """All jobs have three lines that look after them; what the operator's own lines run is not run twice."""
    config = config_of(a_job("b", by_cron("0 2 * * *")))
    assert care_lines(config, ("/opt/b",)) == (
        "# Care of all jobs",
        "*/10 * * * * /opt/b check >/dev/null",
        "40 4 * * * /opt/b prune >/dev/null",
        "@reboot /opt/b catch-up",
    )
    assert care_lines(config, ("/opt/b",), taken={"check", "catch-up"})[1:] == ("40 4 * * * /opt/b prune >/dev/null",)
    assert care_lines(config, ("/opt/b",), taken={"check", "catch-up", "prune"}) == ()
