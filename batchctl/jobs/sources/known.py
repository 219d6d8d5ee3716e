"""All sources by name; one that is to be collected stands here."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from batchctl.jobs.collecting.client import Client
from batchctl.jobs.collecting.collect import Listing
from batchctl.jobs.collecting.settings import Source, source
from batchctl.jobs.sources import bestsellers, domeggook, ownerclan, zentrade

SOURCES: dict[str, tuple[str, Callable[[Client], Listing]]] = {
    "ownerclan": (ownerclan.PATH, ownerclan.listing),
    "zentrade": (zentrade.PATH, zentrade.listing),
    "domeggook": (domeggook.PATH, domeggook.listing),
    "domomae": (domeggook.PATH, domeggook.listing),
    **{name: (path, bestsellers.listing) for name, path in bestsellers.PATHS.items()},
}
"""By the name of [sources.NAME]: where the sample server has it, and how it is listed."""


@contextmanager
def connected(name: str, path: str) -> Iterator[Client]:
    """Connect to a source; where none is configured, to a sample server that lives as long as the connection."""
    settings: Source = source(name)
    with ExitStack() as stack:
        base_url = settings.base_url
        if base_url is None:
            from batchctl.jobs.sample.server import running

            base_url = stack.enter_context(running()).base_url + path
        yield stack.enter_context(Client(settings, base_url))
