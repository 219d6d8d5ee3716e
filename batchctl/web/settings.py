"""How a server was started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.record import Record

if TYPE_CHECKING:
    from batchctl.web.tokens import Keys
    from batchctl.web.who import Scope


class Settings(Record):
    """What holds as long as the server runs."""

    config_option: str | None
    state_option: str | None
    keys: Keys
    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    cert: str | None = None
    key: str | None = None
    behind_proxy: tuple[str, ...] = ()
    """Addresses of the peers that are believed; `unix` is whoever comes through the socket file."""
    allow_hosts: tuple[str, ...] = ()
    proxy_scope: Scope = "read"
    """What whoever a listed proxy vouches for may do."""
