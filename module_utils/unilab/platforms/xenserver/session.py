"""A session with XAPI, ended in every case: XAPI keeps only so many for one user."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.errors import explained
from ansible.module_utils.unilab.platforms.xenserver.tls import Transport, Trust

VERSION, ORIGINATOR = "2.0", "unilab"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CALL_TIMEOUT_S = 300.0  # VM.start and VDI.clone answer when they are done

# The option `connection` of every module that speaks to XAPI.
OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "hostname": {"type": "str", "required": True},
        "port": {"type": "int", "default": 443},
        "username": {"type": "str", "default": "root"},
        "password": {"type": "str", "required": True, "no_log": True},
        "ca_file": {"type": "path", "default": ""},
        "fingerprint": {"type": "str", "default": ""},
        "validate_certs": {"type": "bool", "default": True},
    },
}


@dataclass(frozen=True)
class Login:
    """Where to log in, and as whom."""

    hostname: str
    port: int
    username: str
    password: str = field(repr=False)
    trust: Trust

    @classmethod
    def of(cls, option: Mapping[str, Any]) -> Login:
        """From the option ``connection``."""
        trust = Trust(option["ca_file"] or "", option["fingerprint"] or "", option["validate_certs"])
        return cls(option["hostname"], option["port"], option["username"], option["password"], trust)


class Xapi:
    """An open session.

    Attributes:
        login: where it is logged in; the pool's coordinator, whichever member was named.
        call: XAPI's messages, ``call.VM.start(...)``; the session is put in.
    """

    def __init__(self, login: Login) -> None:
        from XenAPI import Session

        self.login = login
        url = f"https://{login.hostname}:{login.port}/"
        self._session = Session(url, transport=Transport(login.trust, CALL_TIMEOUT_S))
        self.call: Any = self._session.xenapi

    @property
    def handle(self) -> str:
        """The session's reference, for uploads."""
        return str(self._session.handle)

    def log_in(self) -> None:
        """Log in, again where the session has ended."""
        login = self.login
        self._session.login_with_password(login.username, login.password, VERSION, ORIGINATOR)

    def log_out(self) -> None:
        """End the session; one that has ended already is no error."""
        with contextlib.suppress(Exception):
            self._session.xenapi.session.logout()


@contextmanager
def session(login: Login) -> Iterator[Xapi]:
    """Log in, at the pool's coordinator where another member was named, and log out at the end.

    A signal that would end the module raises KeyboardInterrupt within, so that what was begun is undone.
    Raises LabError.
    """
    from XenAPI import Failure

    with _interruptible(), explained(f"{login.hostname}:{login.port}"):
        xapi = Xapi(login)
        try:
            xapi.log_in()
        except Failure as failure:
            if failure.details[0] != "HOST_IS_SLAVE":
                raise
            xapi = Xapi(replace(login, hostname=failure.details[1]))
            xapi.log_in()
        try:
            yield xapi
        finally:
            xapi.log_out()


@contextmanager
def _interruptible() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_IGN)  # what follows is the undoing
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in _SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise LabError("interrupted; what was begun on the XenServer has been removed.") from None
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
