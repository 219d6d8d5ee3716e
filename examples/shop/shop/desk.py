"""An asyncio program: it fires a job, and shows what happens while the event loop goes on."""

from __future__ import annotations

import asyncio
import sys

from batchctl import Batchctl

JOB = "collect_wholesale_products"


async def main(config: str | None = None) -> int:
    """Collect and look on; 1 where the run did not succeed."""
    ctl = Batchctl(config)
    looking = asyncio.create_task(look_on(ctl))
    outcome = await ctl.arun(JOB, params={"suppliers": ["domeggook"]}, force=True)
    await asyncio.wait({looking}, timeout=2)  # its last events
    looking.cancel()
    print(outcome.status or outcome.detail, *[each.result for each in outcome.steps])
    return 0 if outcome.status == "succeeded" else 1


async def look_on(ctl: Batchctl) -> None:
    """Print what happens to the job, until somebody cancels it."""
    async for event in ctl.afollow_events(JOB, since="1s"):
        print(f"{event.at:%H:%M:%S} {event.text}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
