"""Load on the workload ``todos``: every user asks for the list, and when it is there, asks again.

locust -f locustfiles/todos.py --headless --users 40 --host http://ADDRESS:8080 ... (docs/load.md)
"""

from __future__ import annotations

from unilab_load.request import get
from unilab_load.user import FastUser


class Todos(FastUser):
    """One client that reads the list of todos."""

    read_list = get("/todos")
