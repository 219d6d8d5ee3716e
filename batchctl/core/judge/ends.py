"""What people are told of the end of a run: its findings in words for somebody who has only the message.

Pure.
"""

from __future__ import annotations

from batchctl.base.said import Moment, Said, recalled, said
from batchctl.core.guard.selection import go_on
from batchctl.core.judge import alerts, findings
from batchctl.core.judge.findings import lasting
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batchctl.core.judge.alerts import Alert
    from batchctl.core.judge.facts import Ended, Facts
    from batchctl.core.judge.findings import Finding

    Say = Callable[..., str]

_BAD = frozenset({alerts.FAILED, alerts.LOST, alerts.STALE})
_TURNS = frozenset({alerts.FAILED, alerts.FAILING, alerts.RECOVERED})
"""What a job that flaps is not told of again and again; where nobody wants to hear of `flapping`, it is."""
_WARNED = frozenset({alerts.EXPECT, alerts.OUTPUT})


def at_end(facts: Facts, now: float, say: Say = said) -> list[Alert]:
    """Return the alerts that the end of the job's last run causes and somebody wants, in the words of `say`."""
    last, alerting = facts.last, facts.job.alerting
    news = [each for each in findings.at_end(facts) if _is_news(each, facts) and alerts.wanted(alerting, each.kind)]
    if any(finding.kind == alerts.FLAPPING for finding in news):
        news = [finding for finding in news if finding.kind not in _TURNS]
    if any(finding.kind in _BAD for finding in news):
        # Its text has the warnings; they are told by themselves to whoever has asked for these alone.
        news = [finding for finding in news if finding.kind not in _WARNED]
    return [] if last is None else [_alert(finding, facts, last, now, say) for finding in news]


def _is_news(finding: Finding, facts: Facts) -> bool:
    """Say whether to tell of it: never of an operator's own stop, and of a recovery where the trouble was told of.

    What an earlier run left broken was told when that ended.
    """
    if facts.last is None or finding.run_id != facts.last.run_id:
        return False
    return facts.open_event is not None if finding.kind == alerts.RECOVERED else finding.severity != alerts.INFO


def _alert(finding: Finding, facts: Facts, last: Ended, now: float, say: Say) -> Alert:
    title, lines = _WORDS.get(finding.kind, _bad)(finding, facts, last)
    zone, name = facts.job.rules.zone, facts.job.name
    head = said("%s: run %d on %s %s after %s", name, last.run_id, last.host, _status(last), lasting(last.duration))
    if last.exit_code is not None:
        head = said("%s (exit %d)", head, last.exit_code)
    when = said("started %s, ended %s", Moment(human(last.started_at, zone)), Moment(human(last.ended_at, zone)))
    return alerts.make(
        finding.kind,
        finding.event_id,
        name,
        say("%s: %s", name, title),
        "\n".join(say("%s", line) for line in (head, when, *lines)),
        now,
        run_id=last.run_id,
        lasting=finding.kind in alerts.RUN_KINDS or finding.kind == alerts.FLAPPING,
        for_event=facts.open_event if finding.kind == alerts.RECOVERED else None,
    )


def _bad(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    lines: list[str] = [said("why: %s", recalled(last.why))] if last.why else []
    if last.step is not None:
        lines.append(said("step %s, after %s", last.step, lasting(last.step_duration)))
    if last.also:
        lines.append(said("failed too: %s", ", ".join(last.also)))
    if last.blocked:
        lines.append(said("not run: %s", ", ".join(last.blocked)))
    lines += [said("%s: %s", said(kind), recalled(text)) for kind, text in last.warnings]
    if last.tail:
        lines += [said("last %d lines of its output:", len(last.tail)), *(f"| {line}" for line in last.tail)]
    return _ended(last), [*lines, _rest(facts, last), _resume(facts)]


def _failing(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    before = said("the runs before it: %s", f"batchctl report {facts.job.name}")
    lines: list[str] = [said("why: %s", recalled(last.why or "")), before, _resume(facts)]
    return said("failed %d times in a row", findings.failures(facts, last)), lines


def _flapping(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    quiet = "no more is told of single failures and recoveries until three runs in a row end alike, or it stops turning"
    lines: list[str] = [_ended(last), said(quiet), said("its runs: %s", f"{facts.called} report {facts.job.name}")]
    times = (facts.turns, lasting(facts.job.alerting.flap_window))
    return said("flapping, turned %d times between success and failure within %s", *times), lines


def _ended(last: Ended) -> Said:
    ended = said("run %d %s", last.run_id, _status(last))
    return said("%s: %s", ended, recalled(last.why)) if last.why else ended


def _recovered(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    before = facts.failures_before
    title = said("recovered, run %d succeeded after %s", last.run_id, lasting(last.duration))
    return title, [said("it had failed %d times in a row", before)] if before > 1 else []


def _fast(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    title = said("run %d succeeded suspiciously fast, after %s", last.run_id, lasting(last.duration))
    return title, _expected(findings.shortest(facts), facts, last)


def _long(_finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    title = said("run %d took long, %s", last.run_id, lasting(last.duration))
    return title, _expected(findings.longest(facts), facts, last)


def _expected(bound: findings.Bound | None, facts: Facts, last: Ended) -> list[str]:
    return [*([] if bound is None else [said("expected: %s", bound.expected)]), _rest(facts, last)]


def _warned(finding: Finding, facts: Facts, last: Ended) -> tuple[str, list[str]]:
    texts = findings.warned(facts, last)[finding.kind]
    title = said("run %d: %s", last.run_id, texts[0])
    title = said("%s (and %d more)", title, len(texts) - 1) if len(texts) > 1 else title
    return title, [*texts, _rest(facts, last)]


_WORDS: Mapping[str, Callable[[Finding, Facts, Ended], tuple[str, list[str]]]] = {
    alerts.FAILING: _failing,
    alerts.RECOVERED: _recovered,
    alerts.FLAPPING: _flapping,
    alerts.FAST: _fast,
    alerts.LONG: _long,
    alerts.EXPECT: _warned,
    alerts.OUTPUT: _warned,
}


def _status(last: Ended) -> Said:
    return said(last.status.replace("_", " "))


def _rest(facts: Facts, last: Ended) -> Said:
    step = f" --step {last.step}" if last.step is not None else ""
    return said("all of it: %s", f"batchctl logs {facts.job.name} --run {last.run_id}{step}")


def _resume(facts: Facts) -> Said:
    last = facts.last
    return go_on(facts.job, facts.called, left=last is None or last.step is not None or bool(last.blocked))
