"""Load on the workload ``bubble_sort``: every user has an array sorted, and when it is, another.

locust -f locustfiles/bubble_sort.py --headless --users 40 --array-length 20000 ... (docs/load.md)
"""

from __future__ import annotations

from locust import task
from unilab_load.user import ClosedLoopUser


class BubbleSortUser(ClosedLoopUser):
    """One client that has the service's array sorted again and again without a pause.

    The array's length is set where the service starts; ``--array-length`` only says which answer is right.
    """

    @task  # type: ignore[untyped-decorator] # Locust is not typed
    def sort(self) -> None:
        """The first request in services/bubble_sort/responses.json, its answer compared to the last byte."""
        self.ask_and_check()
