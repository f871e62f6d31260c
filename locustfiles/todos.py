"""Load on the workload ``todos``: every user reads the list, again and again.

locust -f locustfiles/todos.py -H http://ADDRESS:8080 -t 10s (docs/load.md)
"""

from __future__ import annotations

from unilab_load.request import get
from unilab_load.user import FastUser


class Todos(FastUser):
    """One client that reads the list of todos."""

    read_list = get("/todos")
