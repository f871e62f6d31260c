"""The user class of the locustfiles, and the hooks by which Locust starts and ends the run."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import gevent
import locust
from locust import FastHttpUser, events
from locust.contrib.fasthttp import LocustBadStatusCode
from locust.exception import StopUser

from unilab_load.closed_loop import ClosedLoop
from unilab_load.failures import WrongAnswer
from unilab_load.liveness import Ending
from unilab_load.options import OptionError, add_options, read_options
from unilab_load.reference import Answer, load_reference

_BACK_OFF_S = 0.1
_EXIT_NOT_COMPLETED = 1
_EXIT_BAD_INPUT = 2


class ClosedLoopUser(FastHttpUser):  # type: ignore[misc] # Locust is not typed
    """One user of a closed loop: asks, waits for the answer, checks it, asks again without think time."""

    abstract = True
    # The services send no other encoding; asking for one would only make the request longer.
    default_headers = {"Accept-Encoding": "identity"}  # noqa: RUF012 # Locust declares it so
    _numbers = itertools.count()

    def __init__(self, environment: Any) -> None:
        self._loop: ClosedLoop = environment.closed_loop
        self._number = next(self._numbers)
        self.network_timeout = self.connection_timeout = self._loop.options.timeout_s
        super().__init__(environment)
        agent = self.client.client
        # One request must be one request on the wire, also when it fails: geventhttpclient sends a GET
        # again, `size` + 1 times, when a connection ends without an answer, and follows redirects.
        agent.clientpool.get_client(self.host)._connection_pool.size = -1
        agent.redirect_response_codes = frozenset()

    def on_start(self) -> None:
        """Wait until the target is checked and every user is there."""
        self._loop.wait_for_start()

    def ask_and_check(self) -> None:
        """Send the workload's request once, compare status and whole body, and record the outcome."""
        if not self._loop.admit(self._number):
            raise StopUser
        latency_ms, error = self._ask()
        if self._loop.settle(self._number, latency_ms, error):
            # Where nobody listens a refusal comes at once, and the loop would only heat the client.
            gevent.sleep(_BACK_OFF_S)

    def _ask(self) -> tuple[float, BaseException | None]:
        expected = self._loop.expected
        started_s = time.perf_counter()
        try:
            with self.client.request(expected.method, expected.path, catch_response=True) as response:
                error = _error_in(response, expected.answer)
                if error is not None:
                    response.failure(error)
            return response.request_meta["response_time"], error
        except Exception as garbage:
            # FastHttpUser reports an absent answer and raises one that is no HTTP; report that too.
            latency_ms = 1000 * (time.perf_counter() - started_s)
            self.environment.events.request.fire(
                request_type=expected.method,
                name=expected.path,
                response_time=latency_ms,
                response_length=0,
                response=None,
                context={},
                exception=garbage,
            )
            return latency_ms, garbage


def _error_in(response: Any, wanted: Answer) -> BaseException | None:
    error: BaseException | None = response.request_meta["exception"]
    # Locust takes some statuses for errors; here the reference alone says what is right.
    if error is not None and not isinstance(error, LocustBadStatusCode):
        return error
    if response.status_code != wanted.status:
        return WrongAnswer("status", f"status {response.status_code} and not {wanted.status}")
    if response.content != wanted.body:
        return WrongAnswer("body", "body differs from the reference")
    return None


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _add_options(parser: Any, **_: Any) -> None:
    add_options(parser)


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _prepare(environment: Any, **_: Any) -> None:
    parsed = environment.parsed_options
    try:
        options = read_options(parsed)
        reference = load_reference(options.responses, options.array_length)
    except OptionError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_EXIT_BAD_INPUT)
    # What an earlier run left here must not pass for this one's.
    for name in ("load.json", "latency.hlog"):
        (options.output / name).unlink(missing_ok=True)
    parsed.spawn_rate = options.users
    loop = ClosedLoop(options, reference, f"locust {locust.__version__} FastHttpUser")
    environment.closed_loop = loop

    def supervise() -> None:
        try:
            loop.supervise()
        except Exception as error:
            loop.finish(Ending("invalid", f"the load generator failed: {error!r}"))
            raise
        finally:
            environment.runner.quit()

    def end() -> None:
        loop.finish(Ending("invalid", "interrupted"))
        completed = loop.ending is not None and loop.ending.state == "completed"
        environment.process_exit_code = 0 if completed else _EXIT_NOT_COMPLETED

    environment.events.test_start.add_listener(lambda **_: gevent.spawn(supervise))
    environment.events.spawning_complete.add_listener(lambda **_: loop.all_users_are_there())
    environment.events.quitting.add_listener(lambda **_: end())
