"""Locustfiles that describe another load than this one makes, and those that describe the same."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

Load = Callable[[str], Any]
IMPORTS = (
    "from locust import HttpUser, SequentialTaskSet, TaskSet, between, constant, task\n"
    "from unilab_load.request import get, post\n"
    "from unilab_load.user import FastUser\n"
)
ONE = "class U(FastUser):\n    a = get('/todos')\n"
TASK = "    @task\n    def b(self):\n        pass\n"
BASE = "class Base(FastUser):\n    abstract = True\n    wait_time = constant(2)\n"


def _check(text: str, load: Load) -> None:
    """As Locust does with a locustfile: its classes that are users and not abstract."""
    base = load("user").FastUser
    content: dict[str, Any] = {"__name__": "locustfile"}
    exec(IMPORTS + text, content)
    kinds = [kind for name, kind in content.items() if name not in ("FastUser", "HttpUser")]
    users = [kind for kind in kinds if hasattr(kind, "fixed_count") and not kind.abstract]
    load("lead.locustfile").check_user_classes(users, base)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ONE}    wait_time = constant(1)\n", "class U: wait_time is not supported"),
        (f"{ONE}    wait_time = between(1, 2)\n", "class U: wait_time is not supported"),
        (f"{ONE}    def wait_time(self):\n        return 1\n", "class U: wait_time is not supported"),
        (f"{BASE}class V(Base):\n    a = get('/todos')\n", "class V: wait_time is not supported"),
        (ONE + TASK, "class U, task b: it is a function"),
        (
            f"{ONE}    @task\n    class T(TaskSet):\n        a = get('/todos')\n",
            "class U, task T: it is a TaskSet",
        ),
        (
            f"class T(SequentialTaskSet):\n    pass\n{ONE}    tasks = [T]\n",
            "class U, task T: it is a TaskSet",
        ),
        (f"def b(user):\n    pass\n{ONE}    tasks = {{b: 3}}\n", "class U, task b: it is a function"),
        (f"{ONE}class H(HttpUser):\n{TASK}", "class H: it is no FastUser"),
        ("class U(FastUser):\n    pass\n", "class U: it has no request"),
        ("class U(FastUser):\n    tasks = []\n", "class U: it has no request"),
        (
            "class U(FastUser):\n    a = get('todos')\n",
            "class U, request 'todos': path 'todos' must start with /",
        ),
        ("class U(FastUser):\n    a = get('/todos', weight=0)\n", "class U, request '/todos': weight 0"),
        (
            "class U(FastUser):\n    a = post('/todos', 'x')\n",
            "class U, request '/todos': the body must be bytes",
        ),
        (
            "class U(FastUser):\n    a = get('/todos', headers={'A': 'b\\nC: d'})\n",
            "class U, request '/todos': header A",
        ),
    ],
)
def test_class_that_describes_another_load_is_refused(text: str, message: str, load: Load) -> None:
    with pytest.raises(load("worker.plan").InputError) as refused:
        _check(text, load)
    line = str(refused.value)
    assert line.startswith(f"locustfile: {message}") and "Remedy: " in line and "\n" not in line


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f"{ONE}    wait_time = constant(0)\n",
        f"{ONE}class V(U):\n    b = post('/todos', b'x', weight=3)\n",
        "class U(FastUser):\n    tasks = {get('/todos'): 2}\n",
    ],
)
def test_classes_of_requests_are_accepted(text: str, load: Load) -> None:
    _check(text, load)


def test_without_a_user_class_nothing_is_loaded(load: Load) -> None:
    with pytest.raises(load("worker.plan").InputError, match="no user class is left"):
        load("lead.locustfile").check_user_classes([], load("user").FastUser)


def test_load_shape_is_refused(load: Load) -> None:
    check_shape = load("lead.locustfile").check_shape
    check_shape(None)
    with pytest.raises(load("worker.plan").InputError, match="SimpleNamespace: a LoadTestShape"):
        check_shape(SimpleNamespace())
