"""The first answer of a guest on another host: polled from a namespace, its state read by XAPI."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible.module_utils.unilab.lab.namespaces import Worker
from ansible.module_utils.unilab.platforms import first_answer


def wait_for_answer(
    place: tuple[str, int],
    nonce: str,
    timeout_s: float,
    namespace: str,
    alive: Callable[[], bool],
    *,
    alive_every_s: float = first_answer.ALIVE_EVERY_S,
) -> first_answer.FirstAnswer:
    """Poll GET /identity at ``place`` from ``namespace``, "" for our own, until it contains ``nonce``.

    ``alive`` is called in this thread, and so in our own network namespace; all times are by one
    clock. Raises NoAnswer, and what ``alive`` raises.
    """
    gone = threading.Event()
    address, port = place
    poller = Worker(
        namespace or None,
        lambda: first_answer.wait(address, port, nonce, timeout_s, alive=lambda: not gone.is_set()),
    )
    poller.start()
    try:
        while not poller.done(alive_every_s):
            if not alive():
                gone.set()
    finally:
        gone.set()
    answer: first_answer.FirstAnswer = poller.result()
    return answer
