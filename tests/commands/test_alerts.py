"""`batchctl alerts`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from endpoints import Web, free_port, without_proxy
from history_rows import Rows

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.judge import alerts
from batchctl.store import database, outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEXT = """
timezone = "Asia/Seoul"
[jobs."작업"]
run = "true"
[jobs.telling]
run = "true"
notify = {{ default = ["json://127.0.0.1:{port}/a"], lost = ["json://127.0.0.1:{dead}/geheim"] }}
on_alert = ["/bin/sh", "-c", "exit 3"]
ping_url = "http://127.0.0.1:{port}/uuid"
[jobs.fine]
run = "true"
notify = ["json://127.0.0.1:{port}/fine"]
"""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Run a web server."""
    without_proxy(monkeypatch)
    server = Web()
    yield server
    server.close()


@pytest.fixture
def command(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write the configuration and return the global options."""
    monkeypatch.setenv("COLUMNS", "160")
    file = tmp_path / "c.toml"
    file.write_text(_TEXT.format(port=web.port, dead=free_port()), encoding="utf-8")
    return ["--config", str(file), "--state", str(tmp_path / "state")]


@pytest.fixture
def filled(tmp_path: Path, command: list[str]) -> list[str]:
    """Put alerts in each state into the outbox."""
    Rows(tmp_path / "state")
    now = clock.now()
    connection = database.connect(str(tmp_path / "state"), create=False)
    with database.Immediate(connection):
        for number, job in enumerate(["작업", "작업", "telling", "gone"], 1):
            title = f"{job}: run {number} [bold]failed\x1b[31m"
            alert = alerts.make(
                "failed", f"failed:{number}", job, title, "body", now, run_id=number, lasting=job != "gone"
            )
            outbox.add(connection, alerts.rationed([alert], 0, alerts_of(), clock.SystemZone(), now)[0])
        first, second, *_ = reversed(outbox.newest(connection, 9))
        outbox.mark_sent(connection, first, now, ["abc"])
        outbox.mark_failed(connection, second, "json://x: refused", [])
    connection.close()
    return command


def alerts_of() -> Any:
    """Return alerting without limits."""
    from batchctl.core.model import Alerting

    return Alerting()


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """Return what a command prints with --json."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_list(filled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, each with its state; data is data, and the error of the last try is told."""
    assert main([*filled, "alerts", "list"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "gone: run 4 [bold]failed\\x1b[31m" in lines[-4]
    assert "sent, open" in lines[-1]
    assert "(json://x: refused)" in out
    assert "\x1b" not in out


def test_list_as_json(filled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every field is there, times with offset; of one job, and so many, where asked."""
    found = shown(capsys, *filled, "alerts", "list", "작업", "-n", "1")["alerts"]
    assert len(found) == 1
    assert set(found[0]) == {
        "id", "event_id", "job", "run_id", "kind", "severity", "title", "body", "state", "open", "created_at",
        "sent_at", "next_try_at", "tries", "last_error", "acked_at", "over_at", "for_event",
    }  # fmt: skip
    assert (found[0]["event_id"], found[0]["state"], found[0]["open"]) == ("failed:2", "waiting", True)
    assert found[0]["created_at"].endswith("+09:00")
    states = [each["state"] for each in shown(capsys, *filled, "alerts", "list")["alerts"]]
    assert states == ["waiting", "waiting", "waiting", "sent"]
    assert len(shown(capsys, *filled, "alerts", "list", "gone")["alerts"]) == 1  # it keeps its alerts


def test_nothing_to_list(command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a history there are none, and none is begun; a job that never was is exit 2."""
    assert main([*command, "alerts", "list"]) == 0
    assert capsys.readouterr().out == "There are no alerts.\n"
    assert main([*command, "alerts", "list", "nobody"]) == 2
    assert not (tmp_path / "state").exists()


def test_test_says_it_of_each_channel(command: list[str], web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    """Each channel is tried, whatever it is for; one that fails makes it exit 1, and no address is shown whole."""
    found = shown(capsys, *command, "alerts", "test", "telling", code=1)
    assert [(each["channel"], each["ok"]) for each in found["channels"]] == [
        ("json://127.0.0.1", True),
        ("json://127.0.0.1", False),
        ("on_alert /bin/sh", False),
        ("ping_url", True),
    ]
    assert (found["job"], found["ok"]) == ("telling", False)
    assert found["channels"][2]["detail"] == "exit code 3"
    assert "geheim" not in json.dumps(found)
    assert sorted(web.paths) == ["/a", "/uuid/log"]
    assert "telling: test alert" in next(each for each in web.taken if each.path == "/a").json["title"]


def test_test_where_all_is_well(command: list[str], web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a channel, exit 0, and nothing is written to the history."""
    assert main([*command, "alerts", "test", "fine"]) == 0
    assert "json://127.0.0.1" in capsys.readouterr().out
    assert web.paths == ["/fine"]
    assert shown(capsys, *command, "alerts", "list") == {"alerts": []}


def test_test_of_a_job_without_channels(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to try: exit 2, with what to write."""
    assert main([*command, "alerts", "test", "작업"]) == 2
    assert "notify = [" in capsys.readouterr().err


def test_ack(filled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The open alerts of a job, then all others, then one by its id."""
    assert shown(capsys, *filled, "alerts", "ack", "작업") == {"acked": [1, 2]}
    assert shown(capsys, *filled, "alerts", "ack") == {"acked": [3]}
    assert shown(capsys, *filled, "alerts", "ack", "--id", "4") == {"acked": [4]}
    assert shown(capsys, *filled, "alerts", "ack") == {"acked": []}
    capsys.readouterr()
    assert main([*filled, "alerts", "ack"]) == 0
    assert capsys.readouterr().out == "There is nothing to acknowledge.\n"
    assert main([*filled, "alerts", "ack", "--id", "99"]) == 2
    assert all(each["acked_at"] for each in shown(capsys, *filled, "alerts", "list")["alerts"])


def test_ack_without_a_history(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to acknowledge, and nothing is made."""
    assert shown(capsys, *command, "alerts", "ack") == {"acked": []}
