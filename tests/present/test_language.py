"""Korean and English: the screens people see, at both widths; and that nothing a program reads ever changes."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows
from support import batchctl, wait_for

from batchctl.base import clock
from batchctl.base.said import recalled

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = """
timezone = "Asia/Seoul"
[jobs.daily-batch]
preset = "daily-batch"
[jobs."가격-갱신"]
schedule = "30 2 * * *"
[[jobs."가격-갱신".steps]]
id = "받기"
run = "echo '연결 실패'; exit 3"
[[jobs."가격-갱신".steps]]
id = "반영"
run = "true"
"""
KO, EN = {"BATCHCTL_LANG": "ko"}, {"BATCHCTL_LANG": "en"}


class Place:
    """A configuration and a history with a night that succeeded, one that was skipped, and a job that fails."""

    def __init__(self, place: Path) -> None:
        """Write both."""
        self.config, self.state = place / "batchctl.toml", place / "state"
        self.config.write_text(_CONFIG, encoding="utf-8")
        rows, night = Rows(self.state), clock.now() - 3 * DAY
        run = rows.run("daily-batch", night, 26 * HOUR)
        rows.step(run, 1, "31", duration_s=26 * HOUR)
        rows.skip("daily-batch", night + DAY, run=run)

    def ask(self, *arguments: str, env: dict[str, str], columns: int = 80) -> str:
        """Run a command and return what it prints, on whichever stream."""
        where = ("--config", str(self.config), "--state", str(self.state))
        done = batchctl(*where, *arguments, env={**os.environ, "COLUMNS": str(columns), "LANG": "C.UTF-8", **env})
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return the place."""
    return Place(tmp_path)


def columns_of(text: str) -> int:
    """Return how many columns the widest line takes by Unicode's own word on wide letters."""
    widths = (sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line.rstrip())
              for line in text.splitlines())  # fmt: skip
    return max(widths, default=0)


_SCREENS = [
    (("status",), ["대기 중", "마지막 실행", "다음 예정", "최근 30일", "성공률 100%"]),
    (("explain", "daily-batch"), ["일시 중지 상태가 아닙니다", "실행 중인 것이 없습니다", "다음 시작:"]),
    (("simulate", "daily-batch", "--duration", "26h"), ["이미 실행 중", "실제 시작 간격 48시간", "▶ 시작"]),
    (("report",), ["작업", "성공률", "소요", "26시간"]),
    (("report", "daily-batch"), ["예정 간격", "최장 연속 성공 1회"]),
    (("upcoming",), ["예정 시각", "판정", "함께 실행"]),
]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize(("arguments", "wanted"), _SCREENS, ids=" ".join)
def test_a_screen_in_korean(place: Place, arguments: tuple[str, ...], wanted: list[str], columns: int) -> None:
    """It says in Korean what it says in English, and keeps to the width of the terminal."""
    shown = place.ask(*arguments, columns=columns, env=KO)
    assert [text for text in wanted if text not in shown] == []
    assert columns_of(shown) <= columns


def test_a_check_in_korean(place: Place) -> None:
    """The verdict and each finding, a line each however long."""
    assert "작업 2개, 실행 중 0개" in place.ask("check", env=KO)


def test_a_failure_is_told_in_korean(place: Place) -> None:
    """The short report that cron mails names step, cause, duration and the command that goes on."""
    shown = place.ask("run", "가격-갱신", env=KO)
    assert re.search(r"^batchctl: 가격-갱신: \d+번 실행 실패, .*초 경과 \(종료 코드 1\)$", shown, re.MULTILINE)
    assert "  단계 받기: " in shown
    assert "  실행하지 않은 단계: 반영" in shown
    assert "  출력의 마지막 1줄:\n  | 연결 실패" in shown
    assert "  이어서 실행: batchctl" in shown


@pytest.mark.parametrize(
    ("config", "env", "korean"),
    [
        # the locale, where nobody says more
        ("", {"LANG": "ko_KR.UTF-8"}, True),
        # the configuration wins over the locale
        ('lang = "ko"\n', {"LANG": "C.UTF-8"}, True),
        ('lang = "en"\n', {"LANG": "ko_KR.UTF-8"}, False),
        # the variable wins over both
        ('lang = "ko"\n', {"BATCHCTL_LANG": "en"}, False),
        # what stdout cannot write is not said
        ('lang = "ko"\n', {"PYTHONIOENCODING": "latin-1"}, False),
        # and cron, which has no locale, is spoken to in English unless the configuration says otherwise
        ("", {"LANG": ""}, False),
    ],
)
def test_who_chooses_the_language(place: Place, config: str, env: dict[str, str], *, korean: bool) -> None:
    """BATCHCTL_LANG, else `lang`, else the locale."""
    place.config.write_text(config + _CONFIG, encoding="utf-8")
    env = {"BATCHCTL_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", **env}
    assert ("대기 중" in place.ask("status", env=env)) is korean
    assert ("실행하지 않은 단계" in place.ask("run", "가격-갱신", env=env)) is korean


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--json"),
        ("explain", "daily-batch", "--json", "--at", "2026-12-01T01:00"),
        ("simulate", "daily-batch", "--duration", "26h", "--start", "2026-12-01T00:00", "--json"),
        ("report", "--json", "--since", "2026-01-01"),
        ("report", "--format", "csv"),
        ("upcoming", "--json"),
        ("check", "--format", "json"),
        ("check", "--format", "nagios"),
        ("check", "--format", "prometheus"),
        ("advise", "--json"),
        ("alerts", "list", "--json"),
        ("jobs", "list", "--json"),
        ("run", "daily-batch", "--dry-run", "--json"),
    ],
    ids=" ".join,
)
def test_what_programs_read_is_the_same_in_both(place: Place, arguments: tuple[str, ...]) -> None:
    """Values that differ with the moment of asking are levelled; words and sentences are not."""
    korean, english = (re.sub(r"[\d.]+", "0", place.ask(*arguments, env=env)) for env in (KO, EN))
    assert korean == english
    assert len(english) > 10
    assert not english.startswith("batchctl:")


def test_a_wrong_language_is_refused(place: Place) -> None:
    """The configuration names the two there are."""
    place.config.write_text('lang = "kr"\n' + _CONFIG, encoding="utf-8")
    shown = place.ask("status", env={})
    assert "lang" in shown
    assert '"ko" or "en"' in shown


def test_a_step_knows_the_language(place: Place) -> None:
    """What a step says for people it may say in the language of the configuration."""
    line = """[jobs.x]\nrun = 'printf %s "$BATCHCTL_LANG"'\n"""
    place.config.write_text('lang = "ko"\n' + line, encoding="utf-8")
    place.ask("run", "x", env={})
    assert place.ask("logs", "x", env={}) == "ko\n"


def test_an_expectation_is_told_in_korean(place: Place) -> None:
    """The check says how the results fall short; JSON keeps the English."""
    line = """run = 'echo "{{\\"rows\\": 3}}" > "$BATCHCTL_RESULT"'"""
    place.config.write_text(f"[jobs.x]\n{line}\n[jobs.x.expect]\nrows = '>= 5'\nfail = true\n", encoding="utf-8")
    place.ask("run", "x", env=KO)
    assert "단계 1: rows 값 3, 기대: rows >= 5" in place.ask("check", columns=200, env=KO)
    assert "step 1: rows is 3, expected rows >= 5" in place.ask("check", "--format", "json", env=KO)


def test_a_plan_says_when_in_korean(place: Place) -> None:
    """The plan says under which condition a step runs."""
    steps = "".join(
        f"[[jobs.x.steps]]\nid = '{when}'\nrun = 'true'\nwhen = '{when}'\n" for when in ("on_failure", "always")
    )
    place.config.write_text(f"[[jobs.x.steps]]\nid = 'a'\nrun = 'true'\n{steps}", encoding="utf-8")
    plan = place.ask("run", "x", "--dry-run", env=KO)
    assert "true, 실패하거나 중지된 뒤에만 실행" in plan
    assert "true, 앞의 결과와 관계없이 실행" in plan


def test_notes_of_an_import_are_korean(place: Place, tmp_path: Path) -> None:
    """What each line of a crontab loses or gains is told in Korean; JSON is the same in both."""
    (tmp_path / "old").write_text(
        "MAILTO=ops\n0 1 * * * flock /l a & \n0 2 * * * flock /l b\n@reboot c\n0 3 * * * d >/var/log/d\n"
    )
    shown = place.ask("jobs", "import", str(tmp_path / "old"), env=KO)
    wanted = [
        "2번째 줄: 0 1 * * *",
        "참고: 백그라운드로",
        "3번째 줄과 겹치지 않습니다",
        "가져오지 않음: 부팅할 때",
        "참고: MAILTO=ops: ",
    ]
    assert [text for text in wanted if text not in shown] == []
    korean, english = (place.ask("jobs", "import", str(tmp_path / "old"), "--json", env=env) for env in (KO, EN))
    assert korean == english


def test_alerts_are_told_in_the_language_of_the_configuration(place: Place, tmp_path: Path) -> None:
    """Title and body are Korean under cron's locale too; kind, severity and event are what they are in English."""
    told = tmp_path / "told"
    place.config.write_text(
        f'lang = "ko"\non_alert = ["sh", "-c", "cat >>{told}"]\n[jobs.x]\nrun = "echo 연결 실패; exit 3"\n',
        encoding="utf-8",
    )
    place.ask("run", "x", env={"LANG": "", "BATCHCTL_LANG": "", "LC_ALL": ""})
    wait_for(told.exists, "the alert")
    alert = json.loads(told.read_text(encoding="utf-8"))
    assert (alert["kind"], alert["severity"], alert["event_id"]) == ("failed", "warning", "failed:2")
    assert alert["title"] == "x: 2번 실행 실패: 단계 1: 종료 코드 3"
    assert "출력의 마지막 1줄:\n| 연결 실패\n전체 출력: batchctl logs x" in alert["body"]
    assert "\n이어서 실행: " in alert["body"]


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("exit code 3", "exit code %s"),
        ("step 받기: killed by SIGKILL", "step %s: %s"),
        ("taken over after 40h 00m (stale_after 36h 00m)", "taken over after %s (stale_after %s)"),
        ("timed out", "timed out"),
        ("no step before it failed", "no step before it failed"),
        # what `expect` says, alone, of a step, and several of them
        ("no step reported rows, expected rows >= 5", "no step reported %s, expected %s"),
        ("step 받기: rows is 3, expected rows >= 5", "step %s: %s"),
        ("step 받기: rows is 'x', which is no number; expected rows >= 5", "step %s: %s"),
        ("step 받기: rows is 3, expected rows >= 5; no step reported sum, expected sum > 0", "%s; %s"),
        # what was found in an output
        ("step 받기 wrote 'WARN' 3 times: WARN: x; y", "step %s wrote %s %s times: %s"),
        # what is not batchctl's own, or has more to it, stays as it is
        ("timed out of patience", None),
        ("No such file or directory: exit code", None),
        ("", None),
    ],
)
def test_what_the_history_keeps_is_recognised(text: str, template: str | None) -> None:
    """A sentence kept in English gets its template back, and says in English exactly what it said."""
    found = recalled(text)
    assert found == text
    assert getattr(found, "template", None) == template


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            ("report",),
            ["배치 보고서", "날짜별 결과", "건너뛴 예정", "이미 실행 중", "모든 시각은 Asia/Seoul 기준입니다."],
        ),
        (("simulate", "daily-batch", "--duration", "26h"), ["daily-batch 미리보기", "실제 시작 간격", "예정 시각"]),
    ],
    ids=["report", "simulate"],
)
def test_a_page_in_korean(place: Place, tmp_path: Path, arguments: tuple[str, ...], wanted: list[str]) -> None:
    """It names its language, and no heading, label or header of its own is left in English."""
    page = tmp_path / "page.html"
    place.ask(*arguments, "--format", "html", "--output", str(page), env=KO)
    text = page.read_text(encoding="utf-8")
    assert '<html lang="ko">' in text
    assert [each for each in wanted if each not in text] == []
    labels = re.findall(r"<(?:th|h1|h3|summary|dt)[^>]*>([^<]*)", text) + re.findall(r'data-name="([^"]*)"', text)
    assert [label for label in labels if re.match("[A-Z][a-z]", label)] == []


def test_descriptions_of_presets_are_translated_for_people(place: Place) -> None:
    """Korean and English at will; JSON has them as they stand in the preset."""
    assert "Keyword search, then market upload" in place.ask("jobs", "list", columns=200, env=EN)
    assert "키워드 검색 후 마켓 업로드" in place.ask("jobs", "list", columns=200, env=KO)
    assert "키워드 검색 후 마켓 업로드" in place.ask("jobs", "presets", "daily-batch", "--json", env=EN)
