"""A study: which cells are compared, under which load, how often."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from contracts.arms import PREBUILT_SUFFIX, known_arms
from contracts.control import again, arm_booted
from contracts.errors import read_yaml, validate
from contracts.images.prebuilt import PrebuiltImage
from contracts.workload import (
    PARAMETERS,
    SERVICES,
    WORKLOADS,
    Value,
    parameters_slug,
    split_service,
    workload_of,
)

# A key that came after version 1 counts where it is used, so that older campaigns keep their hash.
_LATER_KEYS = ("prebuilt", "control", "headline", "precision", "pilots", "without_counts", "time_limit_min")

Unikernels = dict[str, dict[str, PrebuiltImage]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyCaps(_Strict):
    """What an instance may use. ``cpus`` left out means one CPU per thread, as in the paper."""

    memory_mib: int = Field(ge=16)
    cpus: float | None = Field(default=None, gt=0)


class Load(_Strict):
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
            raise ValueError("an open loop ends by duration_s: leave out requests, or rate_per_s")
        if self.search_p99_ms is not None and self.rate_per_s is None:
            raise ValueError("search_p99_ms needs rate_per_s, the rate that the search starts from")
        return self


class Pilots(_Strict):
    """Boots before the trials, of each cell whose warm-up is to be found.

    Attributes:
        boots: of each cell.
        duration_s: seconds of load of each: the longest warm-up that they can find.
    """

    boots: int = Field(default=3, ge=1)
    duration_s: float = Field(default=120, ge=20, le=3600)


class Boots(_Strict):
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


HeadlineMetric = Literal[
    "throughput", "instructions_per_request", "mean_response", "p99_response", "first_answer"
]


class Headline(_Strict):
    """The primary comparisons of a study: these metrics of each service, each arm against one of them.

    Attributes:
        metrics: keys of the analysis' metrics. A metric that a campaign did not measure is left out.
        against: the arm that all others are compared with; None: the control, or the first arm.
    """

    metrics: list[HeadlineMetric] = Field(default=["throughput", "instructions_per_request"], min_length=1)
    against: str | None = None


class Cell(_Strict):
    """service x arm x threads x caps x the workload's parameters.

    Attributes:
        parameters: value of each parameter that the workload declares, by name.
    """

    service: str
    arm: str
    threads: int
    cpus: float
    memory_mib: int
    parameters: dict[str, Value] = {}

    @model_validator(mode="before")
    @classmethod
    def _before_version_3(cls, content: object) -> object:
        """Records before version 3, and their campaigns, have the key ``array_length`` in its place."""
        if not isinstance(content, dict) or "array_length" not in content:
            return content
        rest = {key: value for key, value in content.items() if key != "array_length"}
        length = content["array_length"]
        return rest if length is None else rest | {"parameters": {"array_length": length}}

    @field_validator("parameters")
    @classmethod
    def _known_parameters(cls, parameters: dict[str, Value]) -> dict[str, Value]:
        for name in parameters:
            if name not in PARAMETERS:
                raise ValueError(f"no workload declares the parameter '{name}'")
        return {name: PARAMETERS[name].checked(value) for name, value in parameters.items()}

    @property
    def slug(self) -> str:
        """A name for files and rows, the same for the same cell."""
        caps = f"{self.cpus:g}cpu-{self.memory_mib}mib"
        return f"{self.service}-{self.arm}-{self.threads}t-{caps}{parameters_slug(self.parameters)}"

    def __hash__(self) -> int:
        """Of its name, which is different for each cell."""
        return hash(self.slug)


class Study(_Strict):
    """The content of ``studies/*.yml``: the cross product of its factors, less ``exclude``."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    seed: int = Field(ge=0)
    boots: Annotated[int, Field(ge=1)] | Boots = Field(
        description="fresh boots of each cell; one block holds one of each"
    )
    services: list[str] = Field(min_length=1)
    prebuilt: Unikernels = Field(
        default={}, description="unikernel -> service -> image; NAME is run by the arm NAME-qemu"
    )
    arms: list[str] = Field(min_length=1)
    control: str | None = Field(default=None, description="arm that each block holds twice: the A/A control")
    headline: Headline | None = Field(
        default=None, description="primary comparisons; all else is exploratory"
    )
    precision: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="wanted half-width of the headline's intervals, as a share: 0.05 is 5 %",
    )
    time_limit_min: float | None = Field(
        default=None,
        gt=0,
        le=7 * 24 * 60,
        description="no block is added that would end after it, in minutes",
    )
    threads: list[int] = Field(default=[1], min_length=1)
    caps: list[StudyCaps] = Field(min_length=1)
    parameters: dict[str, dict[str, Value]] = Field(
        default={},
        description="workload -> parameter -> value; one that is not named has its default",
    )
    load: dict[str, Load]
    boot_timeout_s: float = Field(default=120, gt=0)
    footprints: list[Literal["idle", "loaded"]] = Field(
        default=["idle", "loaded"], min_length=1, description="when memory is read: before the load, after it"
    )
    exclude: list[dict[str, str | int | float]] = Field(default=[])
    pilots: Pilots | None = Field(default=None, description="for loads with warm_up: steady")
    without_counts: bool = Field(default=False, description="do not count the guests' instructions")

    @model_validator(mode="before")
    @classmethod
    def _before_parameters(cls, content: object) -> object:
        """Studies of 0.2.0 and before have ``array_length``, of bubble_sort, as a key of their own."""
        if not isinstance(content, dict) or "array_length" not in content:
            return content
        if content.get("parameters"):
            raise ValueError("array_length is an older form of parameters: give one of the two")
        rest = {key: value for key, value in content.items() if key != "array_length"}
        return rest | {"parameters": {"bubble_sort": {"array_length": content["array_length"]}}}

    @field_validator("parameters")
    @classmethod
    def _declared_parameters(cls, parameters: dict[str, dict[str, Value]]) -> dict[str, dict[str, Value]]:
        for workload, given in parameters.items():
            if workload not in WORKLOADS:
                raise ValueError(f"unknown workload '{workload}'; known are {', '.join(WORKLOADS)}")
            WORKLOADS[workload].values(given)
        return parameters

    @field_validator("services")
    @classmethod
    def _known_services(cls, services: list[str]) -> list[str]:
        return _all_known(services, SERVICES, "service")

    @field_validator("threads")
    @classmethod
    def _positive_threads(cls, threads: list[int]) -> list[int]:
        if min(threads) < 1 or max(threads) > 64:
            raise ValueError("threads lie between 1 and 64")
        return threads

    @field_validator("prebuilt")
    @classmethod
    def _free_names(cls, prebuilt: Unikernels) -> Unikernels:
        for name, images in prebuilt.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name) or name + PREBUILT_SUFFIX in known_arms():
                raise ValueError(f"'{name}' cannot name an arm; use a-z, 0-9 and _, and no name of ours")
            _all_known(list(images), SERVICES, "service")
        return prebuilt

    @field_validator("arms")
    @classmethod
    def _known_arms(cls, arms: list[str], info: ValidationInfo) -> list[str]:
        supplied = (name + PREBUILT_SUFFIX for name in info.data.get("prebuilt", {}))
        return _all_known(arms, (*known_arms(), *supplied), "arm")

    @model_validator(mode="after")
    def _complete(self) -> Study:
        for workload in self.load:
            if workload not in WORKLOADS:
                raise ValueError(f"unknown workload '{workload}' under load")
        for service in self.services:
            workload, _ = split_service(service)
            if workload not in self.load:
                raise ValueError(f"load lacks '{workload}', which service '{service}' needs")
        if self.control is not None and self.control not in self.arms:
            raise ValueError(f"control '{self.control}' is not one of arms: {', '.join(self.arms)}")
        if isinstance(self.boots, Boots) and self.precision is None:
            raise ValueError("boots with least and most need precision: the half-width to reach")
        if self.time_limit_min is not None and not isinstance(self.boots, Boots):
            raise ValueError("time_limit_min needs boots with least and most: it ends the adding of blocks")
        if self.headline is not None and self.headline.against not in (None, *self.arms):
            raise ValueError(
                f"headline.against '{self.headline.against}' is not one of arms: {', '.join(self.arms)}"
            )
        for row in self.exclude:
            unknown = sorted(set(row) - set(Cell.model_fields) - set(PARAMETERS))
            if unknown:
                raise ValueError(f"exclude names '{unknown[0]}', which no cell has")
        known = known_arms()
        for cell in self.cells():
            arm = arm_booted(cell.arm)
            name = arm.removesuffix(PREBUILT_SUFFIX)
            if arm not in known and cell.service not in self.prebuilt[name]:
                raise ValueError(
                    f"prebuilt.{name} has no image of '{cell.service}': add it, or exclude "
                    f"{{arm: {arm}, service: {cell.service}}}"
                )
        return self

    @property
    def sha256(self) -> str:
        """Hash of the study's meaning: comments and key order in the file do not count."""
        content = self.model_dump(mode="json")
        content = {key: value for key, value in content.items() if key not in _LATER_KEYS or value}
        # The oldest parameter counts as the key that it was before there were others.
        parameters = content.pop("parameters")
        content["array_length"] = self.parameters_of("bubble_sort")["array_length"]
        others = {
            workload: changed
            for workload in parameters
            if (changed := self._changed_parameters(workload, but="array_length"))
        }
        if others:
            content["parameters"] = others
        for load in content["load"].values():
            if load["warm_up"] is None:
                del load["warm_up"]
        for image in (row for services in content.get("prebuilt", {}).values() for row in services.values()):
            if image["kernel_elf"] is None:
                del image["kernel_elf"]
        canonical = json.dumps(content, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def parameters_of(self, workload: str) -> dict[str, Value]:
        """The value of each parameter that ``workload`` declares."""
        return WORKLOADS[workload].values(self.parameters.get(workload, {}))

    def _changed_parameters(self, workload: str, but: str) -> dict[str, Value]:
        """The parameters of ``workload``, without ``but``, whose value is not the default."""
        default = WORKLOADS[workload].values({})
        values = self.parameters_of(workload)
        return {name: value for name, value in values.items() if value != default[name] and name != but}

    @property
    def pilot_plan(self) -> Pilots:
        """The pilots of cells whose warm-up is to be found."""
        return self.pilots or Pilots()

    @property
    def least_boots(self) -> int:
        """Blocks that are run in any case."""
        return self.boots.least if isinstance(self.boots, Boots) else self.boots

    @property
    def most_boots(self) -> int:
        """Blocks that are planned."""
        return self.boots.most if isinstance(self.boots, Boots) else self.boots

    @property
    def headline_metrics(self) -> Sequence[HeadlineMetric]:
        """Metrics of the primary comparisons."""
        return (self.headline or Headline()).metrics

    @property
    def headline_against(self) -> str:
        """The arm that the primary comparisons compare with."""
        named = self.headline.against if self.headline else None
        return named or self.control or self.arms[0]

    @property
    def booted_arms(self) -> list[str]:
        """The arms as cells name them: the control's second name is one more."""
        return self.arms if self.control is None else [*self.arms, again(self.control)]

    def cells(self) -> list[Cell]:
        """Every cell of the study, in the order of its factors."""
        cells = [
            Cell(
                service=service,
                arm=arm,
                threads=threads,
                cpus=caps.cpus or float(threads),
                memory_mib=caps.memory_mib,
                parameters=self.parameters_of(workload_of(service).name),
            )
            for service in self.services
            for arm in self.booted_arms
            for threads in self.threads
            for caps in self.caps
        ]
        return [cell for cell in cells if not any(_matches(cell, row) for row in self.exclude)]


def load_study(path: Path) -> Study:
    """Read and check the study at ``path``. Raises InputError."""
    content: dict[str, Any] = read_yaml(path, "study")
    return validate(Study, content, path, "compare with studies/demo.yml; docs/formats.md lists every key")


def _all_known(names: list[str], known: tuple[str, ...], what: str) -> list[str]:
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {what} '{name}'; known are {', '.join(known)}")
    if len(set(names)) != len(names):
        raise ValueError(f"a {what} is named twice")
    return names


def _matches(cell: Cell, row: dict[str, str | int | float]) -> bool:
    """Whether the cell matches every key; a control goes with the arm that it repeats."""
    properties = {**cell.model_dump(), **cell.parameters}
    return all(
        properties.get(key) == value or (key == "arm" and arm_booted(cell.arm) == value)
        for key, value in row.items()
    )
