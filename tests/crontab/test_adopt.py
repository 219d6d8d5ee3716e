"""An old crontab as jobs: every line is accounted for, and says what it becomes or why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchctl.config import load
from batchctl.config.edit import jobfiles
from batchctl.config.edit.jobtext import to_toml
from batchctl.core.text.placeholders import fill_shell
from batchctl.crontab.adopt import proposals

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.crontab.adopt import Proposal

SHOP = r"""# Edit this file to introduce tasks to be run by cron.
#
# m h  dom mon dow   command
SHELL=/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
MAILTO="ops@shop.kr"

# 키워드 수집
# (매일 새벽)
0 1 * * * cd /srv/shop && flock -n /tmp/collect.lock timeout 6h python collect.py --계정 '계정 1' >> /var/log/c.log 2>&1
#30 2 * * * /srv/old.sh
*/10 * * * * /srv/shop/가격갱신.sh > /dev/null 2>&1

# 백업
LANG=ko_KR.UTF-8
0 4 * * sun mysqldump shop > /backup/shop-$(date +\%F).sql
15 5 * * * mail -s report boss%안녕하세요%끝
@reboot /srv/shop/daemon start
@daily flock -n /tmp/m.lock /srv/a/run.sh
@daily flock -n /tmp/m.lock /srv/b/run.sh
0 0 31 2 * /bin/never
this is nonsense
30 6 * * *
# >>> batchctl (default configuration)
0 1 * * * /usr/bin/batchctl run x
# <<< batchctl (default configuration)
5 5 * * * /usr/bin/batchctl run y
"""


def found(text: str | bytes, *, has_users: bool = False) -> list[Proposal]:
    """Return the proposals of a crontab."""
    content = text if isinstance(text, bytes) else text.encode()
    return list(proposals(content, [], has_users=has_users).proposals)


def test_the_crontab_of_a_shop() -> None:
    """Each line is a job or left out with its reason; batchctl's own block is neither."""
    shop = proposals(SHOP.encode(), ["mail"])
    jobs = {made.line: made for made in shop.proposals}
    assert {line: made.name for line, made in jobs.items()} == {
        10: "collect",
        12: "가격갱신",
        16: "mysqldump",
        17: "mail-2",  # the name is taken
        19: "a-run",
        20: "b-run",
    }
    assert jobs[10].table == {
        "description": "키워드 수집 (매일 새벽)",
        "schedule": "0 1 * * *",
        "timeout": "6h",
        "cwd": "/srv/shop",
        "env": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
        "run": "python collect.py --계정 '계정 1'",
    }
    assert [note.split()[0] for note in jobs[10].notes] == ["flock", "timeout", "its"]
    assert jobs[12].table["run"] == "/srv/shop/가격갱신.sh"
    assert "description" not in jobs[12].table  # a line that was switched off describes nothing
    assert jobs[16].table["run"] == "mysqldump shop > /backup/shop-$(date +%F).sql"
    assert jobs[16].table["env"]["LANG"] == "ko_KR.UTF-8"  # from its line on
    assert jobs[17].table["run"] == "mail -s report boss"
    assert [made.line for made in shop.proposals if not made.complete] == [17]
    assert "was the command's input" in jobs[17].notes[0]
    assert (jobs[19].table["run"], jobs[19].table["pool"]) == ("/srv/a/run.sh", "m")
    assert "flock /tmp/m.lock became pool" in jobs[19].notes[0]
    assert shop.pools == {"m": 1}
    reasons = {left.line: left.reason for left in shop.left_out}
    assert list(reasons) == [18, 21, 22, 23, 27]
    assert "fires at boot" in reasons[18]
    assert "no day 31 in month 2" in reasons[21]
    assert "neither five fields" in reasons[22]
    assert reasons[23] == "has no command"
    assert "runs batchctl itself" in reasons[27]
    assert [note.partition(":")[0] for note in shop.notes] == ["MAILTO=ops@shop.kr"]


def test_what_is_proposed_is_a_configuration(tmp_path: Path) -> None:
    """Every proposal is a job that loads, with the schedule and the command that were read."""
    made = found(SHOP)
    main = tmp_path / "c.toml"
    main.write_text("")
    jobfiles.add(str(main), {job.name: to_toml(job.table, job.notes) for job in made}, pools={"m": 1})
    jobs = load(str(main)).jobs
    assert {job.name: job.table["run"] for job in made} == {name: job.steps[0].run for name, job in jobs.items()}
    assert jobs["collect"].timeout == 21600.0
    assert jobs["mysqldump"].schedule.text == "0 4 * * sun"


@pytest.mark.parametrize(
    ("command", "run"),
    [
        (r"echo 50\% {name}", "echo 50% {{name}}"),  # a placeholder it must not become
        ("awk '{print $1}' ${HOME}/x", "awk '{print $1}' ${HOME}/x"),  # braces that are none
        ("find . -exec rm {} +", "find . -exec rm {} +"),
        ("echo '{{a}} {b}'", "echo '{{{{a}}}} {{b}}'"),
        (r"echo a\\b", r"echo a\\b"),  # other backslashes are the shell's
        (r"echo \\\%", r"echo \\%"),
    ],
)
def test_commands_reach_the_shell_as_they_were(command: str, run: str) -> None:
    """Percent signs lose cron's backslash, and braces stay braces."""
    (made,) = found(f"* * * * * {command}\n")
    assert made.table["run"] == run
    assert fill_shell(run, {}) == command.replace(r"\%", "%")


@pytest.mark.parametrize(
    ("line", "env"),
    [
        ("A = b c  ", {"A": "b c"}),
        ("A='  b '", {"A": "  b "}),
        ('"A"=""', {"A": ""}),
        ("A=$B", {"A": "$B"}),  # cron expands nothing
        ("MAILTO=x\nMAILFROM=y", None),  # cron's own
    ],
)
def test_variables(line: str, env: dict[str, str] | None) -> None:
    """They are read as cron reads them and go into `env`."""
    (made,) = found(f"{line}\n@hourly x\n")
    assert made.table.get("env") == env


def test_home_and_shell() -> None:
    """cron starts a command in HOME and under SHELL, and so does the job."""
    (made,) = found("HOME=/srv/shop\nSHELL=/bin/bash\n@daily [[ -e x ]] && ./a {b}\n")
    assert made.table["cwd"] == "/srv/shop"
    assert made.table["argv"] == ["/bin/bash", "-c", "[[ -e x ]] && ./a {{b}}"]
    assert "run" not in made.table


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ('MAILTO=""\n@daily x', "MAILTO is empty"),
        ("CRON_TZ=Asia/Seoul\n@daily x", "CRON_TZ means nothing"),
        ("PATH=$PATH:/opt\n@daily x", "PATH has a $"),
    ],
)
def test_notes_on_variables(lines: str, note: str) -> None:
    """What cron makes of a variable, said once for all lines below it."""
    (said,) = proposals(f"{lines}\n@daily y\n".encode(), []).notes
    assert note in said


def test_a_system_crontab_has_users() -> None:
    """The sixth field is a user, not the command."""
    (made,) = found("17 *\t* * *\troot\tcd / && run-parts /etc/cron.hourly\n", has_users=True)
    assert (made.table["run"], made.table["cwd"]) == ("run-parts /etc/cron.hourly", "/")
    assert "ran as root" in made.notes[0]


def test_a_crontab_in_another_encoding() -> None:
    """A line that is not UTF-8 says so; the others are read, and a comment that is not describes nothing."""
    content = "# 설명\n0 1 * * * /srv/a.sh\n0 2 * * * /srv/가격.sh\r\n".encode("cp949")
    read = proposals(content, [])
    assert [(made.line, made.table["run"]) for made in read.proposals] == [(2, "/srv/a.sh")]
    assert "description" not in read.proposals[0].table
    assert (read.left_out[0].line, "iconv -f CP949" in read.left_out[0].reason) == (3, True)


def test_line_ends_of_windows_are_dropped() -> None:
    """The carriage return is no part of the command."""
    (made,) = found(b"# c\r\n0 1 * * * x\r\n")
    assert (made.table["run"], made.table["description"]) == ("x", "c")


def test_a_block_that_does_not_end_hides_nothing() -> None:
    """Damaged markers are comments like any other."""
    assert [made.line for made in found("# >>> batchctl x\n@daily a\n@daily b\n")] == [2, 3]
