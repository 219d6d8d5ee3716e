"""Names, parameters and paths are UTF-8 in any locale, and both streams speak what the terminal reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_CONFIG = """
[jobs."키워드"]
argv = ["echo", "{계정}"]
params = { "계정" = "가" }
[jobs."실패"]
run = "echo 안됨; exit 3"
"""
_PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Write the configuration into a directory that has a name in Hangul itself."""
    folder = tmp_path / "설정"
    folder.mkdir()
    (folder / "batchctl.toml").write_text(_CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def korean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment whose locale is ko_KR in EUC-KR."""
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/charmaps").is_dir():
        pytest.skip("no localedef, or no sources of locales (Debian's package locales)")
    folder = tmp_path_factory.mktemp("locales")
    # It warns that backslash and tilde are other signs there, and says so with its exit code.
    subprocess.run(
        ["localedef", "-i", "ko_KR", "-f", "EUC-KR", str(folder / "ko_KR.EUC-KR")], check=False, capture_output=True
    )
    return {"LOCPATH": str(folder), "LC_ALL": "ko_KR.EUC-KR"}


def _call(
    place: Path, locale: dict[str, str], *arguments: str, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "batchctl", "--config", f"{place}/batchctl.toml", "--state", f"{place}/상태"]
    encoded = [*map(os.fsencode, words), *(argument.encode(encoding) for argument in arguments)]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]} | locale
    return subprocess.run(encoded, env=env, capture_output=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", ["plain", "korean"])
def test_the_cron_line_in_any_locale(place: Path, name: str, request: pytest.FixtureRequest) -> None:
    """A job, a path and a parameter in Hangul are what they are; success is silent."""
    locale = _PLAIN if name == "plain" else request.getfixturevalue("korean")
    done = _call(place, locale, "run", "키워드")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert _call(place, locale, "run", "키워드", "--param", "계정=계정2").returncode == 0
    assert (place / "상태" / "runs" / "2" / "1-1.log").read_text(encoding="utf-8") == "계정2\n"


def test_a_failure_in_the_c_locale_is_told_in_utf8(place: Path) -> None:
    """Exit 1 and cron's mail, not exit 70."""
    done = _call(place, _PLAIN, "run", "실패")
    assert done.returncode == 1
    assert "batchctl: 실패: run 1 failed" in done.stderr.decode()
    assert "| 안됨" in done.stderr.decode()


def test_steps_do_not_inherit_the_mode(place: Path) -> None:
    """What batchctl needs for itself is no variable of its steps."""
    with (place / "batchctl.toml").open("a", encoding="utf-8") as file:
        file.write('[jobs.seen]\nrun = "env | grep PYTHONUTF8"\n')
    assert _call(place, _PLAIN, "run", "seen").returncode == 0
    assert (place / "상태" / "runs" / "1" / "1-1.log").read_text() == "PYTHONUTF8=0\n"


def test_both_streams_speak_the_locale(place: Path, korean: dict[str, str]) -> None:
    """Under EUC-KR what is shown and what is wrong come in EUC-KR."""
    assert _call(place, korean, "run", "키워드").returncode == 0
    assert _call(place, korean, "logs", "키워드").stdout.decode("euc-kr") == "가\n"
    assert "없음" in _call(place, korean, "logs", "없음").stderr.decode("euc-kr")


def test_arguments_are_utf8_first_and_then_the_locales(place: Path, korean: dict[str, str]) -> None:
    """What is typed at a terminal of that locale is understood as well."""
    assert _call(place, korean, "run", "키워드", encoding="euc-kr").returncode == 0
    assert "없음" in _call(place, korean, "logs", "없음", encoding="euc-kr").stderr.decode("euc-kr")
