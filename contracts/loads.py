"""Parts of a study: the load, pilots, boots and caps."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A part of a study: no other keys, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkPath(Strict):
    """How packets reach an instance.

    Attributes:
        container: published, as ``docker run -p`` does it; host, where it shares the network of its host.
        guest: what moves the packets of a guest's card on QEMU: the host's kernel (vhost), or QEMU itself
            (virtio). None leaves it to the host's ``qemu_host_vhost``.
    """

    container: Literal["published", "host"] = "published"
    guest: Literal["vhost", "virtio"] | None = None


class StudyCaps(Strict):
    """What an instance may use. ``cpus`` omitted means one CPU per thread, as in the paper."""

    memory_mib: int = Field(ge=16)
    cpus: float | None = Field(default=None, gt=0)


class Load(Strict):
    """A closed loop of ``users``, for a time or for an exact total of requests; or an open loop.

    Attributes:
        users: N of the closed loop; connections of the open loop.
        warm_up: "steady": pilot boots find how long each cell takes to its steady state. The default.
        warm_up_s: in its place, a fixed time for every cell.
        rate_per_s: requests that fall due each second in the open loop; None is a closed loop.
        arrivals: how the open loop's requests fall due: evenly, or as a Poisson process.
        search_p99_ms: search the highest rate whose p99 stays below it, from ``rate_per_s`` on.
    """

    users: int = Field(ge=1, le=10_000)
    warm_up: Literal["steady"] | None = None
    warm_up_s: float | None = Field(default=None, ge=0, le=3600)
    duration_s: float | None = Field(default=None, gt=0, le=24 * 3600)
    requests: int | None = Field(default=None, ge=1)
    timeout_s: float = Field(default=30, gt=0)
    rate_per_s: float | None = Field(default=None, gt=0, le=1_000_000)
    arrivals: Literal["constant", "poisson"] = "poisson"
    search_p99_ms: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _steady_by_default(cls, content: object) -> object:
        if isinstance(content, dict) and content.get("warm_up_s") is None and "warm_up" not in content:
            return content | {"warm_up": "steady"}
        return content

    @model_validator(mode="after")
    def _one_warm_up(self) -> Load:
        if (self.warm_up is None) == (self.warm_up_s is None):
            raise ValueError("give either warm_up: steady or warm_up_s, and not both")
        return self

    @model_validator(mode="after")
    def _one_end(self) -> Load:
        if (self.duration_s is None) == (self.requests is None):
            raise ValueError("give either duration_s or requests, and not both")
        if self.rate_per_s is not None and self.requests is not None:
            raise ValueError("an open loop ends by duration_s: omit requests, or rate_per_s")
        if self.search_p99_ms is not None and self.rate_per_s is None:
            raise ValueError("search_p99_ms needs rate_per_s, the rate that the search starts from")
        return self


class Pilots(Strict):
    """Boots before the trials, of each cell whose warm-up is to be found.

    Attributes:
        boots: of each cell.
        duration_s: seconds of load of each: the longest warm-up that they can find.
    """

    boots: int = Field(default=3, ge=1)
    duration_s: float = Field(default=120, ge=20, le=3600)


class Boots(Strict):
    """How many boots of each cell: blocks are added until the headline is precise enough.

    Attributes:
        least: blocks that are run in any case.
        most: blocks after which the campaign ends, precise or not.
    """

    least: int = Field(ge=2)
    most: int = Field(ge=2)

    @model_validator(mode="after")
    def _ordered(self) -> Boots:
        if self.most < self.least:
            raise ValueError(f"most ({self.most}) is less than least ({self.least})")
        return self
