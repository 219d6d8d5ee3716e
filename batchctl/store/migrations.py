"""The schema, as append-only named migrations: never edit one that was released, add the next.

sqlite-utils applies them and keeps their names; `PRAGMA user_version` repeats their number, so that a fire learns with
one read, and without importing sqlite-utils, that there is nothing to do.

Instants are seconds since the epoch, durations seconds. `started_mono_s` is the monotonic clock of the boot named
beside it: an age taken from it does not move when somebody sets the clock. The order of runs is that of their ids,
never that of their times, for the same reason.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlite_utils.migrations import Migrations

from batchctl.store import views

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("batchctl")

_FIRST = """
create table runs (
    id integer primary key autoincrement,
    job text not null,
    status text not null,
    started_at real not null,
    ended_at real,
    duration_s real,
    scheduled_for real,
    exit_code integer,
    why text,                -- one sentence on how it ended, where that needs words
    host text not null,
    boot_id text not null,
    pid integer not null,
    start_ticks integer not null,
    started_mono_s real not null,
    token text not null,     -- what marks every process of the run, in its environment
    claimed integer not null default 0, -- 1: another batchctl is ending this run, its owner may write no more
    pool text,
    resumed_from integer references runs(id),
    forced text,             -- checks that --force passed, separated by spaces
    params text,             -- JSON, of the command line only; secrets masked
    log_dir text             -- relative to the state directory
) strict;
create unique index one_running_row_per_job on runs (job) where status = 'running';
create index runs_by_job on runs (job, id);
create index runs_by_outcome on runs (job, status, id);
create index runs_by_time on runs (started_at);
create index runs_by_end on runs (job, status, ended_at, started_at, duration_s);
create index running_in_pool on runs (pool) where status = 'running';

create table steps (
    run_id integer not null references runs(id),
    seq integer not null,    -- order in which the chain names them, from 1
    step text not null,
    step_group text,
    status text not null,
    exit_code integer,
    signal integer,
    attempts integer not null default 0,
    started_at real,
    ended_at real,
    duration_s real,
    result text,             -- JSON object that the step wrote
    primary key (run_id, seq)
) strict, without rowid;

create table attempts (
    run_id integer not null references runs(id),
    seq integer not null,
    attempt integer not null,
    status text not null,
    pid integer,
    start_ticks integer,
    started_at real not null,
    ended_at real,
    duration_s real,
    exit_code integer,
    signal integer,
    log text,                -- relative to the state directory
    primary key (run_id, seq, attempt)
) strict, without rowid;

create table skips (
    id integer primary key autoincrement,
    job text not null,
    reason text not null,
    run_id integer,          -- the blocking run, where there is one
    after_run integer,       -- the job's last run at that time: a start in between begins a new row
    count integer not null,
    first_at real not null,
    last_at real not null
) strict;
create index skips_by_job on skips (job, id);
create index skips_by_time on skips (last_at, job, first_at, count);

create table pauses (
    job text primary key,    -- '' pauses everything
    since real not null,
    until real
) strict, without rowid;
"""

_ALERTS = """
create table outbox (
    id integer primary key autoincrement,
    event_id text not null unique, -- one alert for one event, whoever finds it and however often
    job text not null,       -- '' where it is about batchctl itself
    run_id integer,
    kind text not null,
    severity text not null,
    title text not null,     -- secrets masked, as in body
    body text not null,
    created_at real not null,
    next_try_at real,        -- null where nothing more is tried: sent, suppressed or given up
    tries integer not null default 0,
    sent_at real,
    delivered text,          -- digests of the channels that have it, separated by spaces
    last_error text,
    suppressed integer not null default 0,
    lasting integer not null default 0, -- 1: goes on until over_at
    over_at real,
    acked_at real,
    for_event text           -- the alert that a recovery ends, or a reminder repeats
) strict;
create index outbox_waiting on outbox (next_try_at) where next_try_at is not null;
create index outbox_by_job on outbox (job, created_at);
create index outbox_open on outbox (job, id) where lasting = 1 and over_at is null;

create table warnings (
    run_id integer not null references runs(id),
    seq integer not null,    -- the step it is about, 0 for the run as a whole
    kind text not null,      -- expect, output
    text text not null,
    at real not null,
    primary key (run_id, seq, kind, text)
) strict, without rowid;

create index resumed_runs on runs (job, resumed_from) where resumed_from is not null;
"""


_DURATIONS = """
create index runs_by_duration on runs (job, status, duration_s, ended_at, started_at);
"""

# Kept by triggers, so that no way of ending or removing a run can forget it, and in whole microseconds, which add up to
# the same whatever comes and goes.
_COUNTS = """
create table buckets (
    at_most real primary key -- seconds; the last bucket takes the rest
) strict, without rowid;
insert into buckets values (1), (10), (60), (600), (3600), (10800), (21600), (43200), (86400), (108000), (129600),
    (172800), (9e999);

create table successes (     -- a row a job and bucket
    job text not null,
    at_most real not null,
    runs integer not null,
    micros integer not null, -- of all of them together
    primary key (job, at_most)
) strict, without rowid;
insert into successes
    select job, (select min(at_most) from buckets where at_most >= coalesce(duration_s, 9e999)) as bucket, count(*),
        sum(cast(round(coalesce(duration_s, 0) * 1000000) as integer))
    from runs where status = 'succeeded' group by job, bucket;

create table days (          -- a row a job, outcome and day on which runs ended
    job text not null,
    status text not null,
    day integer not null,    -- of 86,400 seconds since the epoch
    runs integer not null,
    micros integer not null,
    primary key (job, status, day)
) strict, without rowid;
insert into days
    select job, status, cast(ended_at / 86400 as integer) as day, count(*),
        sum(cast(round(coalesce(duration_s, 0) * 1000000) as integer))
    from runs where ended_at is not null group by job, status, day;

create table skipped (       -- a row a job and reason
    job text not null,
    reason text not null,
    count integer not null,
    primary key (job, reason)
) strict, without rowid;
insert into skipped select job, reason, sum(count) from skips group by job, reason;

create trigger run_inserted after insert on runs when new.status = 'succeeded' begin
    insert into successes values (new.job, (select min(at_most) from buckets
        where at_most >= coalesce(new.duration_s, 9e999)),
        1, cast(round(coalesce(new.duration_s, 0) * 1000000) as integer))
        on conflict do update set runs = runs + 1, micros = micros + excluded.micros;
end;
create trigger run_ended after update of status, duration_s on runs when new.status = 'succeeded' begin
    insert into successes values (new.job, (select min(at_most) from buckets
        where at_most >= coalesce(new.duration_s, 9e999)),
        1, cast(round(coalesce(new.duration_s, 0) * 1000000) as integer))
        on conflict do update set runs = runs + 1, micros = micros + excluded.micros;
end;
create trigger run_changed after update of status, duration_s on runs when old.status = 'succeeded' begin
    update successes
        set runs = runs - 1, micros = micros - cast(round(coalesce(old.duration_s, 0) * 1000000) as integer)
        where job = old.job
        and at_most = (select min(at_most) from buckets where at_most >= coalesce(old.duration_s, 9e999));
end;
create trigger run_deleted after delete on runs when old.status = 'succeeded' begin
    update successes
        set runs = runs - 1, micros = micros - cast(round(coalesce(old.duration_s, 0) * 1000000) as integer)
        where job = old.job
        and at_most = (select min(at_most) from buckets where at_most >= coalesce(old.duration_s, 9e999));
end;

create trigger end_inserted after insert on runs when new.ended_at is not null begin
    insert into days values (new.job, new.status, cast(new.ended_at / 86400 as integer), 1,
        cast(round(coalesce(new.duration_s, 0) * 1000000) as integer))
        on conflict do update set runs = runs + 1, micros = micros + excluded.micros;
end;
create trigger end_written after update of status, ended_at, duration_s on runs when new.ended_at is not null begin
    insert into days values (new.job, new.status, cast(new.ended_at / 86400 as integer), 1,
        cast(round(coalesce(new.duration_s, 0) * 1000000) as integer))
        on conflict do update set runs = runs + 1, micros = micros + excluded.micros;
end;
create trigger end_changed after update of status, ended_at, duration_s on runs when old.ended_at is not null begin
    update days set runs = runs - 1, micros = micros - cast(round(coalesce(old.duration_s, 0) * 1000000) as integer)
        where job = old.job and status = old.status and day = cast(old.ended_at / 86400 as integer);
end;
create trigger end_deleted after delete on runs when old.ended_at is not null begin
    update days set runs = runs - 1, micros = micros - cast(round(coalesce(old.duration_s, 0) * 1000000) as integer)
        where job = old.job and status = old.status and day = cast(old.ended_at / 86400 as integer);
end;

create trigger skip_inserted after insert on skips begin
    insert into skipped values (new.job, new.reason, new.count)
        on conflict do update set count = count + excluded.count;
end;
create trigger skip_repeated after update of count on skips begin
    update skipped set count = count + new.count - old.count where job = new.job and reason = new.reason;
end;
create trigger skip_deleted after delete on skips begin
    update skipped set count = count - old.count where job = old.job and reason = old.reason;
end;
"""

# Of a step: the processor time of all its attempts in the run, and the most that any of them had.
_USAGE = """
alter table attempts add column cpu_s real;
alter table attempts add column max_rss_bytes integer;
alter table steps add column cpu_s real;
alter table steps add column max_rss_bytes integer;
"""

_WHYS = """
alter table steps add column why text; -- how it ended, or why it was left out
"""

# What the server needs: numbers for jobs, never used again, and who did what through it.
_SERVED = """
create table job_numbers (id integer primary key autoincrement, job text not null unique);
create table actions (
    id integer primary key,
    at real not null,
    job text not null, -- '' for all of them
    action text not null,
    detail text not null
);
create index actions_at on actions (at);
"""


def _run(db: Database, script: str, version: int) -> None:
    # executescript() would commit behind the migration's transaction, so statements go one by one.
    for statement in _statements(script):
        db.execute(statement)
    db.execute(f"pragma user_version = {version}")


def _statements(script: str) -> list[str]:
    found, lines = [], list[str]()
    for line in script.splitlines():
        lines.append(line.partition("--")[0].rstrip())
        if sqlite3.complete_statement(text := "\n".join(lines).strip()):  # a trigger has statements of its own
            found.append(text)
            lines = []
    return found


@migrations(name="0001_runs_steps_skips")
def _0001(db: Database) -> None:
    _run(db, _FIRST, 1)


@migrations(name="0002_alerts")
def _0002(db: Database) -> None:
    _run(db, _ALERTS, 2)


@migrations(name="0003_durations_in_order")
def _0003(db: Database) -> None:
    _run(db, _DURATIONS, 3)


@migrations(name="0004_counts")
def _0004(db: Database) -> None:
    _run(db, _COUNTS, 4)


@migrations(name="0005_views")
def _0005(db: Database) -> None:
    _run(db, views.ALL, 5)


@migrations(name="0006_usage")
def _0006(db: Database) -> None:
    _run(db, _USAGE + views.WITH_USAGE, 6)


@migrations(name="0007_step_whys")
def _0007(db: Database) -> None:
    _run(db, _WHYS + views.WITH_WHY, 7)


@migrations(name="0008_served")
def _0008(db: Database) -> None:
    _run(db, _SERVED, 8)
