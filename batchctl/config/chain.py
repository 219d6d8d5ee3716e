"""Jobs that the ends of others fire: who follows whom, and that each chain has a beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.record import replace
from batchctl.config.modules import Function
from batchctl.config.ready_made import is_ready_made
from batchctl.config.schema import unknown_remedy
from batchctl.core.model import Follower, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.faults import Faults
    from batchctl.config.key_path import KeyPath


def chained(jobs: dict[str, Job], definitions: Mapping[str, KeyPath], faults: Faults, broken: Faults) -> dict[str, Job]:
    """Return the jobs with those that follow them; faults are an `after` that names no job, or leads back to it.

    While a module is broken, a job that is not there may be one of its own.
    """
    followers: dict[str, list[Follower]] = {}
    for job in jobs.values():
        told = broken if isinstance(definitions[job.name].source, Function) else faults
        for name in job.schedule.after:
            with told.noted():
                if name not in definitions and not broken.found:
                    remedy = unknown_remedy(name, definitions, "known jobs")
                    if is_ready_made(name):
                        remedy = f"make it a job as well: batchctl jobs presets --install {name} {job.name}"
                    definitions[job.name].at("after").refuse(f"there is no job {name!r}", remedy)
            follower = Follower(job=job.name, after=job.schedule.after, after_any=job.schedule.after_any)
            followers.setdefault(name, []).append(follower)
        with told.noted():
            if circle := _circle(jobs, job.name):
                what = f"goes round in a circle: {' after '.join(circle)}"
                definitions[job.name].at("after").refuse(what, "give one of these jobs a schedule of its own")
    return jobs | {name: replace(jobs[name], followers=tuple(each)) for name, each in followers.items() if name in jobs}


def _circle(jobs: Mapping[str, Job], name: str) -> list[str]:
    """Return the way from a job over those that it waits for back to itself, where there is one."""
    ways, seen = [[name]], set[str]()
    while ways:
        way = ways.pop()
        job = jobs.get(way[-1])
        for other in () if job is None else job.schedule.after:
            if other == name:
                return [*way, name]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
