"""The user class of the locustfiles: Locust's users, tasks and weights over the engine's connections.

class Todos(FastUser):
    read_list = get("/todos", weight=3)
    read_one = get("/todos/2")
"""

from __future__ import annotations

from locust import User
from locust.exception import StopUser

from unilab_load.lead.hooks import install
from unilab_load.worker.worker import Worker


class FastUser(User):  # type: ignore[misc] # Locust is not typed
    """One client with one connection, which sends the class's requests, each as often as its weight.

    In a closed loop it sends the next request as soon as it has a response; in an open loop it takes what
    falls due. ``wait_time`` and tasks that are functions are refused; ``on_start`` and ``on_stop`` are
    called.

    Attributes:
        keep_alive: whether one connection carries all requests; False takes a new one for each, as the
            study's Flask did, and its set-up is part of the latency.
    """

    abstract = True
    keep_alive = True

    def run(self) -> None:
        """Locust calls this in the user's greenlet. A user that cannot start is reported before it ends."""
        try:
            super().run()
        except Exception as error:
            self.environment.unilab_worker.user_failed(type(self).__name__, error)
            raise

    def hand_over(self) -> None:
        """Be one of the engine's users until the load ends."""
        worker: Worker = self.environment.unilab_worker
        worker.join(self)
        raise StopUser


install(FastUser)
