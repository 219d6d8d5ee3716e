"""The views that other tools read: documented in docs/reference/sql.md, and kept like the fields of the JSON.

Every instant stands twice: `..._at` as ISO 8601 text in UTC (`+00:00`), to the millisecond, and `..._epoch` in seconds.
Durations are seconds, shares 0 to 1. They only read, so opening them while a batch runs is safe. A view whose columns
change is dropped and made anew by the next migration; columns may be added, and are never renamed or removed.
"""

# ruff: noqa: S608 - put together from this page's own words only
from __future__ import annotations

WINDOW_DAYS = 30
"""What `job_stats` covers, as `report` and `status` do unless told otherwise."""


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%f+00:00', {column}, 'unixepoch')"


def _instant(column: str, name: str | None = None) -> str:
    """Return both forms of an instant, named as views name them."""
    name = name or column
    return f"{_iso(column)} as {name}, {column} as {name.removesuffix('_at')}_epoch"


_NOW = "((julianday('now') - 2440587.5) * 86400.0)"  # unixepoch() knows milliseconds from SQLite 3.42 on only
_LAST_SUCCESS = "(select max(ended_at) from runs where runs.job = counts.job and status = 'succeeded')"

_PAUSED = f"""exists (select 1 from pauses where pauses.job in ('', jobs.job)
        and (until is null or until > {_NOW}))"""

_JOB_STATUS = f"""
create view job_status as
with jobs as (select distinct job from runs union select distinct job from skips),
newest as (select job, max(id) as id from runs group by job)
select
    jobs.job as job,
    case when runs.status = 'running' then 'running' when {_PAUSED} then 'paused' else 'idle' end as state,
    runs.id as run_id,
    runs.status as run_status,
    (select step from steps where run_id = runs.id and status = 'running' order by seq limit 1) as step,
    (select count(*) from steps where run_id = runs.id and status in ('succeeded', 'skipped')) as steps_done,
    (select count(*) from steps where run_id = runs.id) as steps_total,
    {_instant("coalesce(runs.ended_at, runs.started_at)", "since_at")},
    case when runs.status = 'running' then runs.host || ':' || runs.pid end as owner
from jobs left join newest on newest.job = jobs.job left join runs on runs.id = newest.id;
"""

_JOB_HISTORY = f"""
create view job_history as
select id as run_id, job, status, {_instant("started_at")}, {_instant("ended_at")}, duration_s,
    {_instant("scheduled_for", "scheduled_for_at")}, exit_code, why, host, pid, resumed_from, forced, params
from runs;
"""

_STEP_HISTORY = f"""
create view step_history as
select steps.run_id, runs.job, steps.seq, steps.step, steps.step_group, steps.status, steps.attempts,
    {_instant("steps.started_at", "started_at")}, {_instant("steps.ended_at", "ended_at")}, steps.duration_s,
    steps.exit_code, steps.signal, steps.result, runs.host
from steps join runs on runs.id = steps.run_id;
"""

_USED = _STEP_HISTORY.replace("runs.host", "runs.host, steps.cpu_s, steps.max_rss_bytes")
WITH_USAGE = "drop view step_history;\n" + _USED
"""From schema 6 on steps tell what they used."""
WITH_WHY = "drop view step_history;\n" + _USED.replace("steps.max_rss_bytes", "steps.max_rss_bytes, steps.why")
"""From schema 7 on also how they ended."""


def _percentile(share: float) -> str:
    """Return the value below which this share lies, as `report` has it: its two neighbours by their nearness to it."""
    return f"sum(duration_s * max(0.0, 1.0 - abs(place - {share} * (n - 1))))"


# As `report` tells them: a run that resumed another makes one story with it, whose outcome is that of the last and
# whose duration is the sum.
_JOB_STATS = f"""
create view job_stats as
with recursive ended as materialized (
    select id, job, status, duration_s, resumed_from from runs
    where (ended_at >= {_NOW} - {WINDOW_DAYS * 86400} or ended_at is null)
    and id not in (select resumed_from from runs where resumed_from is not null)),
chain (story, id) as (
    select id, resumed_from from ended where resumed_from is not null
    union select story, resumed_from from chain join runs using (id) where resumed_from is not null),
earlier as materialized (select story, total(duration_s) as spent from chain join runs using (id) group by story),
stories as materialized (
    select id, job, status, duration_s + coalesce(spent, 0.0) as duration_s
    from ended left join earlier on earlier.story = ended.id),
ranked as (
    select job, duration_s, row_number() over (partition by job order by duration_s) - 1 as place,
        count(*) over (partition by job) as n
    from stories where status = 'succeeded' and duration_s is not null),
took as (
    select job, avg(duration_s) as avg_s, {_percentile(0.5)} as p50_s, {_percentile(0.95)} as p95_s,
        max(duration_s) as max_s
    from ranked group by job),
counts as (select job, count(*) as runs, sum(status = 'succeeded') as succeeded,
    sum(status not in ('succeeded', 'running', 'cancelled')) as failed from stories group by job)
select counts.job, counts.runs, counts.succeeded, counts.failed,
    1.0 * counts.succeeded / nullif(counts.succeeded + counts.failed, 0) as success_rate,
    took.avg_s, took.p50_s, took.p95_s, took.max_s,
    {_instant(_LAST_SUCCESS, "last_success_at")}
from counts left join took on took.job = counts.job;
"""

_SKIP_HISTORY = f"""
create view skip_history as
select id, job, reason, run_id, count, {_instant("first_at")}, {_instant("last_at")} from skips;
"""

_ALERT_HISTORY = f"""
create view alert_history as
select id, event_id, job, run_id, kind, severity, title, body, {_instant("created_at")}, {_instant("sent_at")},
    {_instant("over_at")}, {_instant("acked_at")}, tries, last_error, suppressed
from outbox;
"""

NAMES: tuple[str, ...] = ("job_status", "job_history", "step_history", "job_stats", "skip_history", "alert_history")
ALL: str = _JOB_STATUS + _JOB_HISTORY + _STEP_HISTORY + _JOB_STATS + _SKIP_HISTORY + _ALERT_HISTORY
