"""Load on the workload ``bubble_sort``: every user has an array sorted, again and again.

locust -f locustfiles/bubble_sort.py --headless --users 40 --parameters array_length=20000 ... (docs/load.md)
"""

from __future__ import annotations

from unilab_load.request import get
from unilab_load.user import FastUser


class BubbleSort(FastUser):
    """One client that has the service's array sorted again and again.

    The array's length is set where the service starts; ``--parameters`` only selects the right response.
    """

    sort = get("/sort")
