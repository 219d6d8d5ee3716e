"""Who has which key: the admin's token, further ones with less scope, and what is derived from them.

The file of the admin's token holds that token alone, so that `curl -H "Authorization: Bearer $(cat FILE)"` works; the
others lie beside the state as hashes. Cookies and login codes are signed with a key made of the admin's token: a new
token ends all of them.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import stat
from hashlib import sha256
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import StateError, UsageError
from batchctl.base.paths import identity_of
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir, open_private
from batchctl.web.who import SCOPES, Who

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.base.paths import Identity
    from batchctl.web.who import Scope

ADMIN = "admin"
"""What the one with the token of the file is called."""
SESSION_S = 30 * 86400
"""Seconds that a cookie is good for."""
CODE_S = 3600
"""Seconds within which a login code has to be used."""
_LEAST = 20
"""Characters below which a token could be guessed."""
_NAME = re.compile(r"\w[\w.@-]{0,63}")


class Named(Record):
    """A further token, as its hash."""

    name: str
    scope: Scope
    sha256: str
    created_at: float


def read_or_make(path: str) -> str:
    """Return the admin's token, made where there is none yet.

    Raises:
        StateError: if the file cannot be read or made, is somebody else's, others may read it, or it holds no token.
    """
    try:
        try:
            descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return _read(path)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        return _read(path)
    except OSError as error:
        message = f"token file {path}: {error.strerror}"
        raise StateError(
            message, remedy="make it a file of yours with mode 0600, or name another: --token-file"
        ) from error


def _read(path: str) -> str:
    with open(open_private(path, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
        found = os.fstat(file.fileno())
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or mode & 0o077:
            message = f"token file {path} can be read by others (mode {mode:04o}, user id {found.st_uid})"
            raise StateError(message, remedy=f"chown it to yourself and chmod 600 {path}, then change the token")
        token = file.read(4096).strip()
    if len(token) < _LEAST or not token.isascii() or len(token.split()) != 1:
        message = f"token file {path} holds no token of at least {_LEAST} letters and digits"
        raise StateError(message, remedy=f"remove {path}: the next start makes another")
    return token


class Keys:
    """All tokens of one server; those beside the state are read anew when they change."""

    def __init__(self, state: str, token_file: str | None = None) -> None:
        """Read the admin's token, or make it.

        Raises:
            StateError: see `read_or_make`.
        """
        place = StateDir(state)
        place.ensure()
        self.path = place.web_token if token_file is None else os.path.abspath(token_file)
        self._named_path = place.web_tokens
        self._admin = read_or_make(self.path)
        self._sign = sha256(b"batchctl cookie\0" + self._admin.encode()).digest()
        self._identity: Identity = None
        self._named: Sequence[Named] = ()
        self._used: dict[str, float] = {}
        self._began = clock.now()
        self.cookie = f"batchctl-{sha256(self._sign).hexdigest()[:8]}"
        """The cookie's name: two servers on one host share their cookies, whatever their ports."""

    @property
    def named(self) -> Sequence[Named]:
        """The further tokens, as they are now."""
        identity = identity_of(self._named_path)
        if identity != self._identity:
            self._named, self._identity = read_named(self._named_path), identity
        return self._named

    def who(self, token: str) -> Who | None:
        """Return whose token it is; how long that takes does not depend on it."""
        given = sha256(token.encode(errors="replace")).hexdigest()
        found = None
        known = [Named(name=ADMIN, scope="admin", sha256=sha256(self._admin.encode()).hexdigest(), created_at=0.0)]
        for each in (*known, *self.named):
            if hmac.compare_digest(given, each.sha256):
                found = Who(name=each.name, scope=each.scope)
        return found

    def session(self, who: Who) -> str:
        """Return the cookie of somebody who has shown a token or a code."""
        return self._signed(f"{int(clock.now() + SESSION_S)}.{who.name}")

    def who_has_session(self, cookie: str) -> Who | None:
        """Return whose cookie it is; None where it is no longer good, or its token was taken back."""
        until, _, name = self._verified(cookie).partition(".")
        if not until or float(until) < clock.now():
            return None
        scopes: dict[str, Scope] = {ADMIN: "admin", **{each.name: each.scope for each in self.named}}
        return Who(name=name, scope=scopes[name], cookie=True) if name in scopes else None

    def code(self) -> str:
        """Return a new login code, good once and for an hour."""
        return self._signed(f"{int(clock.now())}.{secrets.token_urlsafe(9)}")

    def use(self, code: str) -> Who | None:
        """Return who logs in with a code, which is then used up; None where it is not good, or no longer."""
        made, _, nonce = self._verified(code).partition(".")
        now = clock.now()
        # What was made before this start may have been used then.
        if not made or not self._began - 1 <= float(made) <= now or now - float(made) > CODE_S or nonce in self._used:
            return None
        self._used = {each: at for each, at in self._used.items() if now - at <= CODE_S} | {nonce: float(made)}
        return Who(name=ADMIN, scope="admin")

    def _signed(self, text: str) -> str:
        return f"{text}.{hmac.digest(self._sign, text.encode(), 'sha256').hex()[:40]}"

    def _verified(self, signed: str) -> str:
        text = signed.rpartition(".")[0]
        good = hmac.compare_digest(self._signed(text).encode(), signed.encode(errors="replace"))
        return text if good else ""


def read_named(path: str) -> list[Named]:
    """Return the further tokens.

    Raises:
        StateError: if the file says something else, or cannot be read.
    """
    try:
        with open(open_private(path, os.O_RDONLY), encoding="utf-8") as file:
            found = [Named(**each) for each in json.load(file)]
        _ = [SCOPES.index(each.scope) for each in found]  # ValueError where there is no such scope
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        message = f"{path}: {getattr(error, 'strerror', None) or 'is not what batchctl wrote'}"
        raise StateError(message, remedy="remove it, and add the tokens anew: batchctl serve token add") from error
    return found


def all_named(state: str) -> list[Named]:
    """Return the further tokens of a state directory; StateError as `read_named`."""
    return read_named(StateDir(state).web_tokens)


def add(state: str, name: str, scope: str) -> str:
    """Return a new token of this name and scope; only its hash is kept.

    Raises:
        UsageError: if the name cannot be one or is taken, or there is no such scope.
        StateError, BatchctlError: if the file cannot be read or written.
    """
    chosen = next((each for each in SCOPES if each == scope), None)
    if chosen is None:
        message = f"--scope {scope!r} is none"
        raise UsageError(message, remedy=f"scopes: {', '.join(SCOPES)}")
    path, token = StateDir(state).web_tokens, secrets.token_urlsafe(32)
    known = read_named(path)
    if not _NAME.fullmatch(name) or name == ADMIN or any(each.name == name for each in known):
        message = f"{name!r} cannot be the name of a new token"
        raise UsageError(message, remedy="take another; `batchctl serve token list` shows those that are taken")
    made = Named(name=name, scope=chosen, sha256=sha256(token.encode()).hexdigest(), created_at=clock.now())
    _write(path, [*known, made])
    return token


def remove(state: str, name: str) -> None:
    """Take a token back, and with it the cookies that it gave.

    Raises:
        UsageError: if there is none of this name.
        StateError, BatchctlError: if the file cannot be read or written.
    """
    path = StateDir(state).web_tokens
    known = read_named(path)
    kept = [each for each in known if each.name != name]
    if len(kept) == len(known):
        message = f"there is no token {name!r}"
        remedy = f"names: {', '.join(each.name for each in known) or 'none'}; that of the admin goes with its file"
        raise UsageError(message, remedy=remedy)
    _write(path, kept)


def _write(path: str, tokens: Sequence[Named]) -> None:
    from batchctl.base.files import alone, read, replace_file

    StateDir(os.path.dirname(path)).ensure()
    with alone(os.path.dirname(path)):
        old = read(path) if os.path.lexists(path) else None
        replace_file(path, old, (json.dumps([each.__dict__ for each in tokens], indent=1) + "\n").encode())
