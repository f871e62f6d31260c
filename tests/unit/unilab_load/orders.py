"""Options, plans and orders that tests of the load change as they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

Load = Callable[[str], Any]


def plan_of(load: Load, requests: int) -> Any:
    return load("worker.plan").LoadPlan(
        warm_up_s=0,
        duration_s=None,
        requests=requests,
        max_s=60,
        timeout_s=5,
        rate_per_s=None,
        arrivals="poisson",
        seed=0,
    )


def options_of(load: Load, folder: Path) -> Any:
    return load("lead.options").LoadOptions(
        targets=[load("wire.target").Target("127.0.0.1:1", "127.0.0.1", 1)],
        users=4,
        plan=plan_of(load, requests=200),
        output=folder,
        responses=folder,
        parameters={},
        identity="nonce",
        expected_nonce=None,
        expected_artifact=None,
        expected_threads=None,
        search_p99_ms=None,
        ceiling_per_s=None,
        samples=None,
    )


def order_of(load: Load, **changes: Any) -> Any:
    order = load("worker.messages").Order(
        number=7,
        share=0,
        shares=2,
        target=load("wire.target").Target("127.0.0.1:1", "127.0.0.1", 1),
        users=2,
        plan=plan_of(load, requests=100),
        reference=[],
        samples=None,
    )
    return replace(order, **changes)
