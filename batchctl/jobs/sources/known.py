"""All sources by name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from batchctl.jobs.collecting.client import Client
from batchctl.jobs.collecting.collect import Listing
from batchctl.jobs.collecting.settings import Source, source
from batchctl.jobs.sources import bestsellers, domeggook, ownerclan, zentrade

SUPPLIERS: dict[str, tuple[str, Callable[[Client], Listing]]] = {
    "ownerclan": (ownerclan.PATH, ownerclan.listing),
    "zentrade": (zentrade.PATH, zentrade.listing),
    "domeggook": (domeggook.PATH, domeggook.listing),
    "domomae": (domeggook.PATH, domeggook.listing),
}
MARKETPLACES: dict[str, tuple[str, Callable[[Client], Listing]]] = {
    name: (path, bestsellers.listing) for name, path in bestsellers.PATHS.items()
}


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
