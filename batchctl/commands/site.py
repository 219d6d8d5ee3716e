"""What the global options of the command line chose."""

from __future__ import annotations

import typer

from batchctl.answers.site import Site


def site_of(ctx: typer.Context) -> Site:
    """Return the site that the global options made."""
    found = ctx.find_object(Site)
    return Site() if found is None else found
