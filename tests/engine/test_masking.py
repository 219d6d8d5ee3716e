"""Secrets: their values show nowhere that batchctl writes, whatever they come from and however they are cut."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import batchctl, wait_for

from batchctl.core.text.masking import Masker, mask, masked, parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("key=geheim!", ["geheim"], "key=***!"),
        ("geheimnis geheim", ["geheim", "geheimnis"], "*** ***"),  # the longer one first
        ("비밀번호: 열려라", ["열려라"], "비밀번호: ***"),  # any script
        ("nothing", [""], "nothing"),  # an empty value is no secret
        ("a.*b a.*b axb", ["a.*b"], "*** *** axb"),  # no pattern
    ],
)
def test_mask(text: str, secrets: list[str], shown: str) -> None:
    """Every occurrence is replaced, the longest secret first."""
    assert mask(text, secrets) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": ["x geheim y", 1]}, {"a": ["x *** y", 1]}),  # below lists and objects
        ({"geheim": True}, {"***": True}),  # in a key
        ({"pin": 4711, "other": 47110}, {"pin": "***", "other": 47110}),  # a number that is a secret
        ({"pin": 4711.0, "e": [4.711e3, 4711.5]}, {"pin": "***", "e": ["***", 4711.5]}),  # however it is spelled
        ({"pin": 12345678901234567.0, "whole": 12345678901234567}, {"pin": "***", "whole": "***"}),  # beyond 2**53
        ({"pin": 7, "other": 8.0}, {"pin": "***", "other": 8.0}),  # a secret with zeros before, or after, its digits
        ({"n": 10**400, "yes": True}, {"n": 10**400, "yes": True}),  # no float; and no truth is a number
        ({"a": None, "b": False, "c": 1.5}, {"a": None, "b": False, "c": 1.5}),
    ],
)
def test_masked(value: Any, shown: Any) -> None:
    """Texts, keys and numbers anywhere in a JSON value."""
    assert masked(value, ("geheim", "4711", "12345678901234567", "007.0")) == shown


def test_a_secret_of_several_lines_is_secret_line_by_line() -> None:
    """A private key is shown line by line, so each line that says something is a secret of its own."""
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n}\n-----END KEY-----"
    assert parts(key) == [key, "-----BEGIN KEY-----", "MIIEvQIBADANBg", "-----END KEY-----"]
    assert parts("one line") == ["one line"]


@given(
    secrets=st.lists(st.text("ab*\n", min_size=1, max_size=5), min_size=1, max_size=3),
    pieces=st.lists(st.text("abc\n", max_size=6), max_size=8),
)
def test_a_text_in_pieces_shows_no_secret(secrets: list[str], pieces: list[str]) -> None:
    """However a text is cut, no secret shows that is not made of the mask itself, and nothing else is lost."""
    masker = Masker(secrets)
    shown = "".join([*map(masker.feed, pieces), masker.rest()])
    whole = "".join(pieces)
    assert not any(secret in part for secret in secrets if secret.strip("*") for part in shown.split("***"))
    if not any(secret in whole for secret in secrets):
        assert shown == whole


def test_what_cannot_be_a_secret_is_shown_at_once() -> None:
    """A follower of a log waits only for what may be the beginning of one."""
    masker = Masker(["geheim"])
    assert masker.feed("all of this\n") == "all of this\n"
    assert masker.feed("and ge") == "and "
    assert masker.feed("ht es weiter") == "geht es weiter"
    assert masker.feed("geh") + masker.feed("eim") == "***"


FROM_FILE, FROM_ENV, FROM_OUTSIDE = "datei-geheimnis-1", "umgebung-geheimnis-2", "비밀-바깥-3"
SECRETS = (FROM_FILE, FROM_ENV, FROM_OUTSIDE)
_CONFIG = """
[jobs.x]
secrets = ["FILE_KEY", "ENV_KEY", "OUTER_KEY", "PEM"]
env_file = "{place}/env"
env = {{ ENV_KEY = "umgebung-geheimnis-2", PEM = "-----BEGIN-----\\nMIIEvQIBADANBg\\n-----END-----" }}
params = {{ key = "", "계정" = "a" }}
[[jobs.x.steps]]
id = "31"
run = '''
echo "args {{key}} $FILE_KEY $ENV_KEY $OUTER_KEY"; echo "$PEM"
echo "{{{{\\"token\\": \\"$FILE_KEY\\", \\"$ENV_KEY\\": [\\"$OUTER_KEY\\", \\"ok\\"]}}}}" > $BATCHCTL_RESULT
'''
[[jobs.x.steps]]
id = "32"
argv = ["no-such-program-{{key}}", "umgebung-geheimnis-2"]
[jobs.function]
secrets = ["ENV_KEY"]
env = {{ ENV_KEY = "umgebung-geheimnis-2" }}
cwd = "{place}"
function = "leaky:f"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the global options of a configuration whose job has secrets from three sources, and uses them badly."""
    (tmp_path / "c.toml").write_text(_CONFIG.format(place=tmp_path), encoding="utf-8")
    (tmp_path / "env").write_text(f"FILE_KEY={FROM_FILE}\n", encoding="utf-8")
    (tmp_path / "leaky.py").write_text("import os\nraise RuntimeError(os.environ['ENV_KEY'])\n")
    monkeypatch.setenv("OUTER_KEY", FROM_OUTSIDE)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def assert_no_secret(text: str, where: str) -> None:
    """None of the values shows, not even escaped as JSON or as a repr."""
    for secret in (*SECRETS, "MIIEvQIBADANBg"):
        forms = {secret, secret.encode("unicode_escape").decode(), json.dumps(secret)[1:-1]}
        assert not any(form in text for form in forms), f"{secret} shows in {where}: {text[:2000]}"


def test_secrets_show_nowhere(site: list[str], tmp_path: Path) -> None:
    """The failure report, `run --json`, dry run, logs and every view of the history, and all files but the log."""
    failed = batchctl(*site, "run", "x", "--param", f"key={FROM_FILE}", "--json")
    assert failed.returncode == 1
    assert "***" in failed.stdout
    assert json.loads(failed.stdout)["steps"][0]["result"] == {"token": "***", "***": ["***", "ok"]}
    assert "***" in failed.stderr
    assert_no_secret(failed.stdout + failed.stderr, "run --json")
    assert FROM_FILE in (tmp_path / "state/runs/1/1-1.log").read_text(), "the step itself had it"
    logs = batchctl(*site, "logs", "x").stdout
    assert "args *** *** *** ***" in logs
    assert logs.count("***") >= 6, "four words, the key of three lines, the name of the program that is not there"
    for command in ("logs x", "logs x -n 1", "logs x -n 3", "status", "status x", "status --json", "report", "report x",
                    "report --json", "report --format csv", "report --format md", "report --format html",
                    "explain x", "config", "jobs show x", "run x --dry-run", "run x --dry-run --json",
                    "run x --dry-run --resume", "check", "check --json"):  # fmt: skip
        done = batchctl(*site, *command.split())
        assert "Traceback" not in done.stderr
        assert_no_secret(done.stdout + done.stderr, command)


def test_secrets_are_in_no_file_but_what_steps_wrote(site: list[str], tmp_path: Path) -> None:
    """Neither history nor spool nor anything else in the state directory has one."""
    batchctl(*site, "run", "x", "--param", f"key={FROM_FILE}")
    with sqlite3.connect(tmp_path / "state/batchctl.db") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert '"key": "***"' in dump
    assert_no_secret(dump, "the history")
    for file in (tmp_path / "state").rglob("*"):
        mine = file.suffix not in {".log", ".result"} and not file.name.startswith("config-")
        if file.is_file() and mine:
            assert_no_secret(file.read_bytes().decode(errors="replace"), file.name)
    for log in (tmp_path / "state").rglob("2-1.log"):
        assert_no_secret(log.read_text(), "what batchctl itself wrote into a log")


@pytest.mark.parametrize("debug", ["0", "1"])
def test_tracebacks_have_no_secret(site: list[str], debug: str) -> None:
    """A function that cannot be imported says why, with what it says masked, with BATCHCTL_DEBUG=1 too."""
    done = batchctl(*site, "run", "function", env={**os.environ, "BATCHCTL_DEBUG": debug})
    assert done.returncode == 78
    assert "RuntimeError: ***" in done.stderr
    assert ("Traceback" in done.stderr) == (debug == "1")
    assert_no_secret(done.stdout + done.stderr, "the error")


def test_logs_that_cannot_be_masked_are_not_shown(site: list[str], tmp_path: Path) -> None:
    """With the env_file gone nobody knows what is secret: `logs` says so, and shows nothing."""
    batchctl(*site, "run", "x")
    (tmp_path / "env").unlink()
    done = batchctl(*site, "logs", "x")
    assert (done.returncode, done.stdout) == (78, "")
    assert f"env_file {tmp_path}/env" in done.stderr
    assert "→" in done.stderr


def test_a_failure_report_masks_with_the_values_of_the_start(site: list[str], tmp_path: Path) -> None:
    """An env_file that was changed during the run does not uncover what the run was started with."""
    (tmp_path / "c.toml").write_text(
        '[jobs.x]\nsecrets = ["FILE_KEY"]\nenv_file = "env"\n'
        f"run = 'echo $FILE_KEY; echo FILE_KEY=neu > {tmp_path}/env; exit 1'\n".replace('"env"', f'"{tmp_path}/env"')
    )
    done = batchctl(*site, "run", "x")
    assert "| ***" in done.stderr
    assert_no_secret(done.stderr, "the failure report")
    wait_for(lambda: (tmp_path / "env").read_text() == "FILE_KEY=neu\n", "the change")
