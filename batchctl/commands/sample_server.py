"""`batchctl sample-server`: the server that stands in for every source that is not configured."""

from __future__ import annotations

import time
from typing import Annotated

import typer


def sample_server(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Serve sample data of all sources on loopback, until Ctrl-C.

    Collectors without a configured source start and end such a server by themselves; this one is for trying them out.

    Examples:

        batchctl sample-server --port 8099
    """
    from batchctl.jobs.sample.server import running

    try:
        with running(port) as server:
            typer.echo(
                f"sample server at {server.base_url}; as a source: {server.base_url}/ownerclan, /zentrade, /tmdb/3 …"
            )
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("ended")
