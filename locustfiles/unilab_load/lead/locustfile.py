"""Whether this load can make what a locustfile describes; otherwise one line says why not."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unilab_load.request import Request
from unilab_load.worker.plan import InputError

_OWN_LOCUSTFILE = "give Locust's own users a locustfile of their own, without FastUser"


def check_user_classes(user_classes: Sequence[Any], base: Any) -> None:
    """Check that all of ``user_classes`` are FastUsers (``base``) of requests only. Raises InputError."""
    if not user_classes:
        raise InputError("locustfile", "no user class is left to load", "select one")
    for kind in user_classes:
        _check_class(kind, base)


def locustfile_of(user_classes: Sequence[Any]) -> Path:
    """The file that defines the first of ``user_classes``."""
    return Path(inspect.getfile(user_classes[0])).resolve()


def check_shape(shape: Any) -> None:
    """A load has the same users from its first request to its last. Raises InputError."""
    if shape is not None:
        raise InputError(
            f"locustfile: class {type(shape).__name__}",
            "a LoadTestShape changes the number of users, which is fixed in this load",
            "remove it, and give --users, or --rate for an open loop",
        )


def _check_class(kind: Any, base: Any) -> None:
    where = f"locustfile: class {kind.__name__}"
    if not issubclass(kind, base):
        raise InputError(where, "it is no FastUser, and one run loads by one kind of user", _OWN_LOCUSTFILE)
    for task in kind.tasks:
        if isinstance(task, Request):
            _check_request(task, where)
            continue
        name = getattr(task, "__name__", repr(task))
        what = "a TaskSet" if inspect.isclass(task) else "a function"
        raise InputError(
            f"{where}, task {name}",
            f"it is {what}, and a FastUser's tasks are requests such as get('/todos')",
            f"write it as a request, or {_OWN_LOCUSTFILE}",
        )
    if not kind.tasks:
        raise InputError(
            where, "it has no request", "add one, such as read = get('/todos'), or select it by its tags"
        )
    if not _waits_never(kind, base):
        raise InputError(
            where,
            "wait_time is not supported: a FastUser sends its next request as soon as it has a response",
            "remove wait_time; --rate makes an open loop of so many requests per second",
        )


def _check_request(request: Request, where: str) -> None:
    problem = request.problem()
    if problem:
        raise InputError(f"{where}, request {request.__name__!r}", problem, "correct it in the locustfile")


def _waits_never(kind: Any, base: Any) -> bool:
    """Whether ``wait_time`` is that of FastUser, or Locust's ``constant(0)``, which means the same."""
    wait = inspect.getattr_static(kind, "wait_time")
    if wait is inspect.getattr_static(base, "wait_time"):
        return True
    return getattr(wait, "__qualname__", "").startswith("constant.<locals>") and wait(None) == 0
