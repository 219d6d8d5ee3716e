"""`batchctl check` as text, as JSON (which is also health.json), and for Nagios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.core.time.zones import iso
from batchctl.present.text import counted, in_words, one_line, say, told, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.judge.facts import Ended
    from batchctl.core.judge.findings import Finding, Status
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract_upkeep as contract
    from batchctl.watch.health import Health, JobHealth, Machine

CODES = {"healthy": 0, "degraded": 1, "unhealthy": 2}
UNKNOWN = 3
"""What a Nagios plugin exits with."""

_NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LONGEST_LINE = 3500
"""Characters that leave room for the perfdata in the 4 KB that NRPE carries."""


def as_json(health: Health, findings: Sequence[Finding], zone: Zone) -> contract.Health:
    """Return the whole health as one object; `findings` are those to be shown."""
    return {
        "timestamp": iso(health.at, zone),
        "system_status": health.status,
        "scheduler": {"cron": health.cron.cron, "block": health.cron.block},
        "scheduler_running": None if health.cron.cron == "unknown" else health.cron.cron == "running",
        "pending_jobs": sum(job.next_fire is not None for job in health.jobs),
        "jobs": [_job_json(job, zone) for job in health.jobs],
        "findings": [_finding_json(finding, zone) for finding in findings],
        **_machine_json(health.machine),
    }


def untrusted_json(message: str, at: float, zone: Zone) -> contract.Untrusted:
    """Return the object that stands in health.json while the state itself cannot be trusted."""
    return {
        "timestamp": iso(at, zone),
        "system_status": "unhealthy",
        "jobs": [],
        "findings": [],
        "error": message,
    }


def _job_json(job: JobHealth, zone: Zone) -> contract.JobHealth:
    success = job.last_success
    return {
        "job": job.job.name,
        "state": job.state,
        "last_run": None if job.last_run is None else _run_json(job.last_run, zone),
        "last_success": None if success is None else {**_run_json(success, zone), "results": _results(job)},
        "last_success_at": None if success is None else iso(success.ended_at, zone),
        "recent_failures": [_run_json(run, zone) for run in job.recent_failures],
        "consecutive_failures": job.consecutive_failures,
        "running_since": None if job.running is None else iso(job.running.started_at, zone),
        "run_id": None if job.running is None else job.running.run_id,
        "expected_end_at": iso(job.expected_end, zone),
        "next_fire": iso(job.next_fire, zone),
        "skips_since_last_start": job.skips,
        "missed": [
            {"first": iso(gap.fires[0], zone), "last": iso(gap.fires[-1], zone), "count": len(gap.fires)}
            for gap in job.gaps
        ],
        "schedule": job.watch.schedule,
        "watched_since": iso(job.watch.since, zone),
        "first_watch": job.watch.first,
        "in_crontab": job.in_crontab,
    }


def _results(job: JobHealth) -> dict[str, dict[str, Any] | None]:
    return {step: None if result is None else dict(result) for step, result in job.results.items()}


def _run_json(run: Ended, zone: Zone) -> contract.EndedRun:
    return {
        "id": run.run_id,
        "status": run.status,
        "started_at": iso(run.started_at, zone),
        "ended_at": iso(run.ended_at, zone),
        "duration_s": run.duration,
        "why": run.why,
    }


def _finding_json(finding: Finding, zone: Zone) -> contract.Finding:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "job": finding.job,
        "text": finding.text,
        "since": iso(finding.since, zone),
        "event_id": finding.event_id,
        "run_id": finding.run_id,
    }


def _machine_json(machine: Machine) -> contract.Machine:
    return {
        "disk": {
            "total_bytes": machine.disk_total,
            "free_bytes": machine.disk_free,
            "inodes_free": machine.inodes_free,
        },
        "load": {"1m": machine.load[0], "5m": machine.load[1], "15m": machine.load[2], "cores": machine.cores},
        "memory": {"total_bytes": machine.memory_total, "available_bytes": machine.memory_available},
    }


def as_text(health: Health, status: Status, findings: Sequence[Finding]) -> str:
    """Return one line for each finding, and first of all the verdict."""
    running = sum(job.state == "running" for job in health.jobs)
    lines = [say("%s: %s, %d running", say(status), counted(len(health.jobs), "job", "jobs"), running)]
    for finding in findings:
        about = finding.job or "batchctl"
        severity = say(finding.severity)
        text = f"{about}: {in_words(finding.kind)}: {one_line(told(finding.text))}"
        lines.append(f"{severity}{' ' * (8 - width_of(severity))} {text}")
    return "".join(f"{line}\n" for line in lines)


def as_nagios(health: Health, status: Status, findings: Sequence[Finding]) -> str:
    """Return one line: the state, the findings, and after a `|` the figures."""
    wrong = [finding for finding in findings if finding.severity != "info"]
    said = "; ".join(f"{finding.job or 'batchctl'}: {finding.text}" for finding in wrong)
    text = said or f"{_count(len(health.jobs), 'job')} healthy"
    figures = {
        "jobs": len(health.jobs),
        "running": sum(job.state == "running" for job in health.jobs),
        "warnings": sum(finding.severity == "warning" for finding in findings),
        "criticals": sum(finding.severity == "critical" for finding in findings),
        "failing_jobs": sum(job.consecutive_failures > 0 for job in health.jobs),
        "disk_free": f"{health.machine.disk_free}B",
        "load1": f"{health.machine.load[0]:.2f}",
    }
    perfdata = " ".join(f"{name}={value}" for name, value in figures.items())
    return f"{_nagios_line(CODES[status], text)} | {perfdata}\n"


def nagios_unknown(message: str) -> str:
    """Return the line for a check that could not be made."""
    return f"{_nagios_line(UNKNOWN, message)}\n"


def _nagios_line(state: int, text: str) -> str:
    # A pipe begins the perfdata, and nothing can escape it.
    shown = one_line(text).replace("|", "/")
    shown = shown if len(shown) <= _LONGEST_LINE else f"{shown[:_LONGEST_LINE]}..."
    return f"BATCHCTL {_NAMES[state]} - {shown}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
