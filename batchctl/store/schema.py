"""What several rooms of the store say of the tables."""

from __future__ import annotations

from batchctl.core.model import IDLE

KNOWN_JOBS = """
with recursive
    ran(job) as (
        select min(job) from runs
        union all select (select min(job) from runs where job > ran.job) from ran where ran.job is not null
    ),
    skipped(job) as (
        select min(job) from skips
        union all select (select min(job) from skips where job > skipped.job) from skipped where skipped.job is not null
    )
select job from ran where job is not null union select job from skipped where job is not null order by job
"""
"""The name of every job with a run or a skip, sorted: from name to name by seeks, where `distinct` walks an index."""

LEFT_OUT = f"status = 'skipped' and why is not '{IDLE}'"
"""Of a step: its run did not do the whole job, or another run had done this part of it."""
