"""Locust's own users on the same target, and what they cost: for the benchmark, not for the laboratory.

The environment says which (BENCHMARK_USER: FastHttpUser or HttpUser), for how long (BENCHMARK_S), and
where the figures go (BENCHMARK_OUTPUT).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import gevent
import locust
from locust import events, task

WARM_UP_S = 0.5
_environment: Any = None
BASE = getattr(locust, os.environ["BENCHMARK_USER"])


class Reader(BASE):  # type: ignore[misc, valid-type] # chosen at run time
    """Reads the list of todos without a pause."""

    @task  # type: ignore[untyped-decorator] # Locust is not typed
    def read_list(self) -> None:
        """One request; its answer is not even compared."""
        self.client.get("/todos")


@events.spawning_complete.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _measure(**_: Any) -> None:
    gevent.spawn(_window)


def _window() -> None:
    gevent.sleep(WARM_UP_S)
    runner = _environment.runner
    before = time.process_time(), runner.stats.total.num_requests
    gevent.sleep(float(os.environ["BENCHMARK_S"]))
    cpu_s, requests = (
        time.process_time() - before[0],
        runner.stats.total.num_requests - before[1],
    )
    Path(os.environ["BENCHMARK_OUTPUT"]).write_text(json.dumps({"requests": requests, "cpu_s": cpu_s}))
    runner.quit()


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust is not typed
def _remember(environment: Any, **_: Any) -> None:
    global _environment  # noqa: PLW0603 # Locust hands it over here and nowhere else
    _environment = environment
