"""What the forms of the pages do; each leads back to its page, which says what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers import jobs, jobs_edit, pause, scheduler
from batchctl.answers import stop as stopping
from batchctl.present import done
from batchctl.present.text import in_words, say
from batchctl.web import api_actions, api_jobs
from batchctl.web.pages import frame
from batchctl.web.route import Refused, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from batchctl.answers.jobs_edit import Changed
    from batchctl.web.route import Call
    from batchctl.web.who import Scope


def _act(act: Callable[[Call], str]) -> Callable[[Call], Response]:
    @frame.page
    def handler(call: Call) -> Response:
        return frame.tried(frame.whence(call), lambda: act(call))

    return handler


def _pause_all(call: Call) -> str:
    return done.paused(pause.pause(call.site, None, frame.field(call, "for") or None))


def _start_all(call: Call) -> str:
    made = scheduler.start(call.site)
    said = [done.resumed(made.ended)] if made.ended.was_paused else []
    return " ".join([*said, done.installed(made.change, made.written)])


def _run(call: Call) -> str:
    return _fired(call, resume=False)


def _continue(call: Call) -> str:
    return _fired(call, resume=True)


def _fired(call: Call, *, resume: bool) -> str:
    name = call.site.job(call.path["job"]).name
    found = api_actions.fired(call.site, name, resume=resume)
    if found["run_id"] is None:
        return say("%s was skipped: %s.", name, in_words(found["reason"] or ""))
    return say("Run %d of %s is under way.", found["run_id"], name)


def _pause(call: Call) -> str:
    return done.paused(pause.pause(call.site, call.path["job"], frame.field(call, "for") or None))


def _resume(call: Call) -> str:
    job = call.site.job(call.path["job"])
    if not job.rules.enabled:
        return _changed(jobs_edit.enable(call.site, job.name, enabled=True), say("%s is enabled.", job.name))
    return done.resumed(pause.resume(call.site, job.name))


def _enable(call: Call) -> str:
    name = call.path["job"]
    return _changed(jobs_edit.enable(call.site, name, enabled=True), say("%s is enabled.", name))


def _disable(call: Call) -> str:
    name = call.path["job"]
    return _changed(jobs_edit.enable(call.site, name, enabled=False), say("%s is disabled.", name))


def _stop(call: Call) -> str:
    name = call.path["job"]
    found = stopping.stop(call.site, name)
    if found.run_id is None:
        return say("%s is not running.", name)
    return say("Run %d of %s: %s.", found.run_id, name, in_words(found.status or "cancelled"))


def _presets(call: Call) -> str:
    made = jobs.install(call.site)
    return _changed(made, say("Created: %s.", ", ".join(made.jobs)) if made.jobs else say("They are all there."))


def _changed(made: Changed, what: str) -> str:
    return " ".join(filter(None, (what, done.crontab_to_do(made))))


@frame.page
def delete(call: Call) -> Response:
    """Delete a job, and lead to the page Now, for its own is gone."""
    name = call.path["job"]
    page = f"/ui/jobs/{frame.part(name)}"

    def act() -> str:
        api_jobs.deleted(call.site, name)
        return say("%s is deleted.", name)

    answer = frame.tried(frame.HOME, act)
    if isinstance(answer, Refused):
        answer.headers["location"] = page
    return answer


def language(call: Call) -> Response:
    """Keep the language that was chosen."""
    chosen = frame.field(call, "lang")
    answer = frame.back(frame.whence(call))
    if chosen in frame.LANGUAGES:
        answer.set_cookie("lang", chosen, max_age=365 * 86400, httponly=True, samesite="strict")
    return answer


def _route(path: str, handler: Callable[[Call], Response], does: str, scope: Scope) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        does=does,
        scope=scope,
        page=True,
        act="" if handler is language else path.rpartition("/")[2],
    )


ROUTES = (
    _route("/ui/start", _act(_start_all), "Start the scheduler.", "admin"),
    _route("/ui/stop", _act(_pause_all), "Pause everything.", "admin"),
    _route("/ui/presets", _act(_presets), "Create the default jobs.", "admin"),
    _route("/ui/language", language, "Choose a language.", "read"),
    _route("/ui/jobs/{job}/run", _act(_run), "Fire it.", "operate"),
    _route("/ui/jobs/{job}/continue", _act(_continue), "Continue its last run.", "operate"),
    _route("/ui/jobs/{job}/stop", _act(_stop), "Stop the running run.", "operate"),
    _route("/ui/jobs/{job}/pause", _act(_pause), "Let it start no more.", "operate"),
    _route("/ui/jobs/{job}/resume", _act(_resume), "Let it start again.", "operate"),
    _route("/ui/jobs/{job}/enable", _act(_enable), "Enable it in the configuration.", "admin"),
    _route("/ui/jobs/{job}/disable", _act(_disable), "Disable it in the configuration.", "admin"),
    _route("/ui/jobs/{job}/delete", delete, "Delete it.", "admin"),
)
