"""When a job fires that comes `after` others: at the ends of their runs, as far as these can be foreseen.

Pure. Instants are seconds since the epoch.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice

from batchctl.base.record import Record
from batchctl.core.foresight.simulate import NEVER, walk
from batchctl.core.model import SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from batchctl.core.foresight.simulate import Course, Scenario
    from batchctl.core.model import Job

_FIRES = 20_000
"""Fires of a job within which one of its runs is to end: two weeks of one that is fired each minute."""


class Link(Record):
    """One of the jobs that another comes after."""

    job: str
    scenario: Scenario
    """What it will do."""
    has_ended: bool = False
    """Whether it has already ended, in a way that counts, since the last start of the job that comes after it."""
    is_part: bool = False
    """Whether its running run leaves out steps, so that its end does not count."""


def fires_after(job: Job, links: Sequence[Link]) -> Callable[[Course], Iterator[float]]:
    """Return the fires of a job that comes after others; once it has started it waits for all of them anew."""
    whatever = job.schedule.after_any

    def fires(course: Course) -> Iterator[float]:
        if len(links) == 1:
            yield from ends(links[0], whatever=whatever)
            return
        every = {link.job for link in links}
        ended, starts = {link.job for link in links if link.has_ended}, course.starts
        for at, name in merge(*(_named(link, whatever=whatever) for link in links)):
            if course.starts != starts:
                ended, starts = set(), course.starts
            ended.add(name)
            if ended == every:
                yield at

    # In the microseconds that all instants are told in.
    return lambda course: (round(at, 6) for at in fires(course))


def ends(link: Link, *, whatever: bool) -> Iterator[float]:
    """Yield when runs of a job end in a way that counts: successfully, or with `whatever` in any way."""
    scenario = link.scenario
    running = scenario.state.running
    end, counts = NEVER, False
    if running is not None:
        end, counts = running.expected_end or NEVER, not link.is_part
    for fire in islice(walk(scenario), _FIRES):
        if end <= fire.at:
            if counts:
                yield end
            end, counts = NEVER, False
        if fire.verdict == "start":
            if counts and whatever:
                yield fire.at  # it was taken over
            end, counts = fire.ends_at or NEVER, whatever or fire.status == SUCCEEDED
    if counts and end < scenario.end:
        yield end


def _named(link: Link, *, whatever: bool) -> Iterable[tuple[float, str]]:
    return ((end, link.job) for end in ends(link, whatever=whatever))
