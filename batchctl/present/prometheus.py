"""`batchctl check` as a file for the textfile collector of Prometheus' node exporter (exposition format 0.0.4).

What ends in `_total` and the histogram count over all that the history still holds: after a prune they begin lower,
which Prometheus takes as a counter's reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core.model import RUN_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batchctl.core.judge.findings import Finding
    from batchctl.watch.health import Counted, Health

BOUNDS = (1.0, 10.0, 60.0, 600.0, 3600.0, 10800.0, 21600.0, 43200.0, 86400.0, 108000.0, 129600.0, 172800.0)
"""Upper bounds of the buckets, in seconds: from a second to two days, and 30 h and 36 h, which budgets here are."""


def as_prometheus(health: Health, findings: Sequence[Finding], counted: Counted) -> str:
    """Return the file."""
    jobs, machine = health.jobs, health.machine
    ended = [job for job in jobs if job.last_run is not None]
    families = [
        _gauge("check_timestamp_seconds", "When this check was made.", [({}, health.at)]),
        _gauge("healthy", "1 where no finding is more than informational.", [({}, float(health.status == "healthy"))]),
        _gauge("findings", "Findings by kind and severity.", _by_kind(findings)),
        _gauge(
            "last_success_timestamp_seconds",
            "When the job last ended successfully.",
            [({"job": job.job.name}, job.last_success.ended_at) for job in jobs if job.last_success is not None],
        ),
        _gauge(
            "last_run_duration_seconds",
            "How long the job's last run took.",
            [
                ({"job": job.job.name}, job.last_run.duration)
                for job in ended
                if job.last_run is not None and job.last_run.duration is not None
            ],
        ),
        _gauge(
            "last_run_cpu_seconds",
            "Processor time of the job's last run.",
            [({"job": job}, cpu) for job, (cpu, _) in counted.usage.items() if cpu is not None],
        ),
        _gauge(
            "last_run_max_rss_bytes",
            "The most memory that a step of the job's last run had.",
            [({"job": job}, float(most)) for job, (_, most) in counted.usage.items() if most is not None],
        ),
        _gauge(
            "last_run_status",
            "1 for the status with which the job's last run ended.",
            [
                ({"job": job.job.name, "status": status}, float(job.last_run.status == status))
                for job in ended
                for status in RUN_STATUSES[1:]
                if job.last_run is not None
            ],
        ),
        _gauge(
            "running", "1 while the job runs.", [({"job": job.job.name}, float(job.state == "running")) for job in jobs]
        ),
        _gauge(
            "running_since_timestamp_seconds",
            "When the job's running run started.",
            [({"job": job.job.name}, job.running.started_at) for job in jobs if job.running is not None],
        ),
        _gauge(
            "consecutive_failures",
            "Runs since the last success that ended otherwise.",
            [({"job": job.job.name}, float(job.consecutive_failures)) for job in jobs],
        ),
        _gauge(
            "next_fire_timestamp_seconds",
            "When the job fires next.",
            [({"job": job.job.name}, job.next_fire) for job in jobs if job.next_fire is not None],
        ),
        _family(
            "skips_total",
            "Skipped fires by reason.",
            "counter",
            [("", {"job": job, "reason": reason}, float(count)) for job, reason, count in counted.skips],
        ),
        _histogram(counted.durations),
        _gauge("disk_free_bytes", "Free space where the state directory lies.", [({}, float(machine.disk_free))]),
    ]
    return "".join(families)


def _by_kind(findings: Iterable[Finding]) -> list[tuple[dict[str, str], float]]:
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        key = (finding.kind, finding.severity)
        counts[key] = counts.get(key, 0) + 1
    return [({"kind": kind, "severity": severity}, float(count)) for (kind, severity), count in sorted(counts.items())]


def _gauge(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> str:
    return _family(name, text, "gauge", [("", labels, value) for labels, value in samples])


def _histogram(durations: Mapping[str, Sequence[tuple[float, int, float]]]) -> str:
    samples: list[tuple[str, Mapping[str, str], float]] = []
    for job, buckets in durations.items():
        for bound in BOUNDS:
            count = sum(runs for at_most, runs, _ in buckets if at_most <= bound)
            samples.append(("_bucket", {"job": job, "le": f"{bound:g}"}, float(count)))
        total = float(sum(runs for _, runs, _ in buckets))
        samples.append(("_bucket", {"job": job, "le": "+Inf"}, total))
        samples += [("_sum", {"job": job}, sum(seconds for *_, seconds in buckets)), ("_count", {"job": job}, total)]
    return _family("run_duration_seconds", "How long successful runs took.", "histogram", samples)


def _family(name: str, text: str, kind: str, samples: Iterable[tuple[str, Mapping[str, str], float]]) -> str:
    """Return a metric with its samples, "" without any."""
    lines = [f"batchctl_{name}{suffix}{_labels(labels)} {_value(value)}\n" for suffix, labels, value in samples]
    head = f"# HELP batchctl_{name} {text}\n# TYPE batchctl_{name} {kind}\n"
    return head + "".join(lines) if lines else ""


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _value(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
