"""Load on the workload ``todos``: every user asks for the list, and when it is there, asks again.

locust -f locustfiles/todos.py --headless --users 40 --host http://ADDRESS:8080 ... (docs/load.md)
"""

from __future__ import annotations

from locust import task
from unilab_load.user import ClosedLoopUser


class TodosUser(ClosedLoopUser):
    """One client that reads the list of todos without a pause."""

    @task  # type: ignore[untyped-decorator] # Locust is not typed
    def read_list(self) -> None:
        """The first request in services/todos/responses.json, its answer compared to the last byte."""
        self.ask_and_check()
