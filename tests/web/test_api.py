"""The API: every answer is what the command prints, every fault is told at once, and who did what is noted."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support import rows, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import Server

_MOVING = {"elapsed_s", "from", "to", "at", "timestamp", "load", "memory", "disk", "since", "watched_since"}
"""Keys whose values are another instant's a moment later."""


def _still(value: Any) -> Any:
    """Return what does not move with the clock."""
    if isinstance(value, dict):
        return {key: _still(inner) for key, inner in value.items() if key not in _MOVING}
    return [_still(each) for each in value] if isinstance(value, list) else value


def _without(*keys: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda found: {key: value for key, value in found.items() if key not in keys}


_SAME: list[tuple[str, list[str], Callable[[dict[str, Any]], Any]]] = [
    ("/scheduler/status", ["status", "--json"], _without("health")),
    ("/scheduler/status", ["check", "--format", "json"], lambda found: found["health"]),
    ("/scheduler/health", ["check", "--format", "json"], dict),
    ("/scheduler/upcoming?for=2d", ["upcoming", "--for", "2d", "--json"], dict),
    ("/scheduler/report", ["report", "--json"], dict),
    ("/scheduler/report?job=broken&days=3", ["report", "broken", "--days", "3", "--json"], dict),
    ("/scheduler/jobs/broken/explain", ["explain", "broken", "--json"], dict),
    # A job's name in Hangul, percent-encoded.
    ("/scheduler/jobs/일괄-수집/explain?at=2030-01-01", ["explain", "일괄-수집", "--at", "2030-01-01", "--json"], dict),
    ("/scheduler/jobs/slow/advise?days=30", ["advise", "slow", "--days", "30", "--json"], dict),
    ("/scheduler/jobs/slow/simulate?duration=26h", ["simulate", "slow", "--duration", "26h", "--json"], dict),
    ("/scheduler/events", ["events", "--json"], lambda found: found["events"]),
]  # fmt: skip


def test_answers_are_what_the_commands_print(server: Server, client: httpx.Client) -> None:
    """Each route of a question, with a history of one success, one failure and one skip."""
    for job in ("일괄-수집", "broken", "일괄-수집"):
        server.call("run", job)
    server.call("check")  # which says since when it watches
    for path, words, part in _SAME:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        said = server.call(*words).stdout
        expected = [json.loads(line) for line in said.splitlines()] if words[0] == "events" else json.loads(said)
        assert _still(part(answer.json())) == _still(expected), path
    assert "batchctl_healthy" in client.get("/metrics").text
    detail = client.get("/scheduler/jobs/broken?limit=1").json()
    report = json.loads(server.call("report", "broken", "--limit", "1", "--json").stdout)
    assert detail["executions"] == report["runs"]
    assert detail["stats"] == report["stats"]["broken"]


def test_a_job_lives_through_the_api(server: Server, client: httpx.Client) -> None:
    """Added as in the documents, found by its number, changed, paused, taken out; all of it is told by `events`."""
    body = {
        "name": "새-수집",
        "job_type": "COLLECTION",
        "function_name": "collect_wholesale_products",
        "cron_expression": "0 2 * * *",
        "parameters": {"test_mode": True},
        "max_retries": 2,
        "timeout_seconds": 3600,
    }
    made = client.post("/scheduler/jobs", json=body)
    assert made.status_code == 201, made.text
    found = made.json()
    assert (found["job"], found["kind"], found["schedule"]) == ("새-수집", "collection", "0 2 * * *")
    assert found["parameters"]["test_mode"] is True
    number = found["id"]
    shown = json.loads(server.call("jobs", "show", "새-수집", "--json").stdout)
    assert {step["retries"] for step in shown["steps"]} == {2}
    assert client.post("/scheduler/jobs", json=body).status_code == 409
    changed = client.patch(f"/scheduler/jobs/{number}", json={"is_active": False, "timeout_seconds": None})
    assert changed.status_code == 200, changed.text
    assert changed.json()["is_active"] is False
    assert client.post(f"/scheduler/jobs/{number}/pause", json={"for": "2h"}).json()["paused_until"]
    assert client.post(f"/scheduler/jobs/{number}/resume").json() == {"job": "새-수집", "was_paused": True}
    assert client.delete(f"/scheduler/jobs/{number}").status_code == 204
    assert client.get(f"/scheduler/jobs/{number}").status_code == 404
    assert client.delete("/scheduler/jobs/slow").status_code == 409
    # A name that is a title: what is done is told of the job that was made.
    assert client.post("/scheduler/jobs", json={"name": "커스텀 수집", "preset": "health-check"}).status_code == 201
    told = [json.loads(line) for line in server.call("events", "--json").stdout.splitlines()]
    acts = [(event["job"], event["reason"]) for event in told if event["event"] == "action"]
    assert acts == [("새-수집", act) for act in ("create", "change", "pause", "resume", "delete")] + [
        ("커스텀-수집", "create")
    ]
    assert all("admin from 127.0.0.1" in event["text"] for event in told if event["event"] == "action")


def test_a_run_is_started_followed_and_stopped(server: Server, client: httpx.Client) -> None:
    """202 with the run's id, a skip with its reason, the log as it comes, and the end."""
    begun = client.post("/scheduler/jobs/slow/run")
    assert begun.status_code == 202, begun.text
    run = begun.json()["run_id"]
    skipped = client.post("/scheduler/jobs/slow/run").json()
    assert (skipped["verdict"], skipped["reason"]) == ("skipped", "already_running")
    log = f"/scheduler/runs/{run}/steps/1/log"
    wait_for(lambda: client.get(log).text == "begun\n", "the first line")
    assert client.get(log, params={"offset": -3}).text == "un\n"
    part = client.get(log, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.text, part.headers["content-range"]) == (206, "egu", "bytes 1-3/6")
    assert client.get(log, headers={"Range": "bytes=99-"}).status_code == 416
    with client.stream("GET", log, headers={"Accept": "text/event-stream"}) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("data")) == 'data: {"offset":6,"text":"begun\\n"}'
        assert client.post("/scheduler/jobs/slow/stop").json()["status"] == "cancelled"
        assert next(line for line in lines if line.startswith("event")) == "event: end"


_WRONG: list[tuple[dict[str, Any], int, set[str]]] = [
    # What the types refuse, and what only the configuration can, in one answer.
    (
        {"name": "x", "cron_expression": "99 * * * *", "max_retries": "a", "preset": "x"},
        422,
        {"/max_retries", "/preset", "/cron_expression"},
    ),
    # Unknown, of the wrong type and missing, all at once.
    ({"cron": 1, "max_retries": "a"}, 422, {"/cron", "/max_retries", "/name", "/function_name"}),
    # What only the configuration as a whole can refuse.
    (
        {"name": "x", "preset": "process-images", "cron_expression": "99 * * * *", "timeout": "soon"},
        422,
        {"/cron_expression", "/timeout"},
    ),
    ({"name": "x", "preset": "process-images", "kind": "report", "job_type": "REPORT"}, 422, {"/kind"}),
    # Nothing that is run is said from the web.
    ({"name": "x", "run": "rm -rf /"}, 403, set()),
    ({"name": "x", "preset": "process-images", "env": {"LD_PRELOAD": "x"}}, 403, set()),
    ({"name": "x", "function": "os:system"}, 403, set()),
    ({"name": "/", "preset": "nothing"}, 422, {"/name", "/preset"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "pointers"), _WRONG)
def test_what_is_wrong_with_a_job_is_told_at_once(
    server: Server, client: httpx.Client, body: dict[str, Any], status: int, pointers: set[str]
) -> None:
    """As problem+json with a pointer to each fault, and nothing is written."""
    answer = client.post("/scheduler/jobs", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers
    assert answer.json()["remedy"]
    assert not (server.place / "jobs.d").exists()


_BODIES: list[tuple[dict[str, Any], int]] = [
    ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
    ({"content": b'{"for": NaN}', "headers": {"Content-Type": "application/json"}}, 400),
    ({"content": b"[1]", "headers": {"Content-Type": "application/json"}}, 422),
    ({"content": b"for=2h", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
    ({"content": b'{"for": "2h"}'}, 415),
    ({"content": b" " * 2_000_000, "headers": {"Content-Type": "application/json"}}, 413),
    ({"json": {"for": "soon"}}, 422),
]


def test_bodies_that_are_none(server: Server, client: httpx.Client) -> None:
    """Each is refused with its own status, and the scheduler is not paused."""
    for options, status in _BODIES:
        assert client.post("/scheduler/stop", **options).status_code == status, options
    assert client.put("/scheduler/stop").status_code == 405
    assert server.status()["scheduler"]["paused"] is False


def test_nothing_is_sent_twice(server: Server, client: httpx.Client) -> None:
    """An answer has a tag that holds until something changes, by whomever."""
    client.get("/scheduler/jobs")
    for path in ("/scheduler/jobs", "/scheduler/health", "/openapi.json", "/scheduler/jobs/slow/explain"):
        tag = wait_for(partial(_same_twice, client, path), "a tag that holds")
        server.call("pause", "slow", "--for", "1h")
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def _same_twice(client: httpx.Client, path: str) -> str:
    """Return the tag where a second look finds the same; every ten seconds the clock makes another."""
    tag = client.get(path).headers["etag"]
    return tag if client.get(path, headers={"If-None-Match": tag}).status_code == 304 else ""


def test_events_come_as_they_happen(server: Server, client: httpx.Client) -> None:
    """With ids, from the last one on where the stream broke; a pause is a change."""
    with client.stream("GET", "/scheduler/events", headers={"Accept": "text/event-stream"}) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith(":"))
        server.call("run", "일괄-수집")
        first = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
        assert json.loads(next(lines).removeprefix("data: "))["event"] == "start"
        end = next(line for line in lines if '"event":"end"' in line)
        server.call("pause")
        assert next(line for line in lines if line.startswith("event")) == "event: change"
    headers = {"Accept": "text/event-stream", "Last-Event-ID": first}
    with client.stream("GET", "/scheduler/events", headers=headers) as stream:
        again = stream.iter_lines()
        assert next(line for line in again if '"event":"end"' in line) == end


def test_starting_and_stopping_the_scheduler(server: Server, client: httpx.Client) -> None:
    """Stop pauses everything; start ends that and writes cron's lines, once."""
    assert client.post("/scheduler/stop", json={"for": "2h"}).json()["paused_until"]
    assert server.status()["scheduler"]["paused"] is True
    begun = client.post("/scheduler/start")
    assert begun.status_code == 200, begun.text
    assert (begun.json()["was_paused"], begun.json()["crontab"]) == (True, "installed")
    assert "run slow" in server.crontab.read_text()
    assert client.post("/scheduler/start").json()["crontab"] == "unchanged"
    (server.place / "jobs.d").mkdir()
    (server.place / "jobs.d" / "neu.toml").write_text('schedule = "0 5 * * *"\nrun = "true"\n')
    assert client.post("/scheduler/start").json()["crontab"] == "renewed"


def test_secrets_are_masked_in_logs(idle: Server) -> None:
    """With as many asterisks as they have bytes, also where a range cuts through one, and while one looks on."""
    idle.config.write_text(
        '[jobs.x]\nsecrets = ["KEY"]\nenv = { KEY = "비밀-abcdef" }\nrun = "echo one $KEY two; printf 끝"\n',
        encoding="utf-8",
    )
    idle.start()
    idle.call("run", "x")
    with idle.client() as client:
        whole = client.get("/scheduler/runs/1/steps/1/log").content
        assert whole == b"one " + b"*" * len("비밀-abcdef".encode()) + " two\n끝".encode()
        for offset in range(len(whole)):
            part = client.get("/scheduler/runs/1/steps/1/log", params={"offset": offset, "limit": 3}).content
            assert part == whole[offset : offset + 3]
        with client.stream("GET", "/scheduler/runs/1/steps/1/log", headers={"Accept": "text/event-stream"}) as stream:
            data = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
        assert "".join(each.get("text", "") for each in data) == whole.decode()


def test_numbers_are_never_used_again(server: Server, client: httpx.Client) -> None:
    """A job keeps its number, a new one gets a new one, and a name wins over a number."""
    before = {job["job"]: job["id"] for job in client.get("/scheduler/jobs").json()["jobs"]}
    assert sorted(before.values()) == [1, 2, 3]
    body = {"name": "2", "preset": "process-images"}
    assert client.post("/scheduler/jobs", json=body).json()["id"] == 4
    assert client.get("/scheduler/jobs/2").json()["job"]["job"] == "2"
    assert client.delete("/scheduler/jobs/2").status_code == 204
    assert client.post("/scheduler/jobs", json={"name": "b", "preset": "process-images"}).json()["id"] == 5
    assert rows(server.state, "select count(*) from job_numbers") == [(5,)]


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "٣", "-1"])
def test_a_number_that_none_can_have_is_nobodys(asking: httpx.Client, number: str) -> None:
    """However long it is, and in whichever digits: there is no such job, run or log."""
    for path in (f"/scheduler/jobs/{number}", f"/scheduler/runs/{number}/steps/1/log"):
        answer = asking.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), answer.text
    assert asking.get(f"/ui/runs/{number}/log").status_code in {404, 422}
