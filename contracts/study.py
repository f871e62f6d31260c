"""A study: which cells are compared, under which load, how often."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from contracts.arms import PREBUILT_SUFFIX, known_arms
from contracts.cell import Cell
from contracts.control import again, arm_booted
from contracts.errors import read_yaml, validate
from contracts.images.prebuilt import PrebuiltImage
from contracts.loads import Boots, Load, NetworkPath, Pilots, Strict, StudyCaps
from contracts.workload import (
    PARAMETERS,
    SERVICES,
    WORKLOADS,
    Value,
    split_service,
    workload_of,
)

# A key that came after version 1 counts where it is used, so that older campaigns keep their hash.
_LATER_KEYS = (
    "prebuilt",
    "control",
    "headline",
    "precision",
    "pilots",
    "without_counts",
    "time_limit_min",
    "network",
)

Unikernels = dict[str, dict[str, PrebuiltImage]]


HeadlineMetric = Literal[
    "throughput", "instructions_per_request", "mean_response", "p99_response", "first_answer"
]


class Headline(Strict):
    """The primary comparisons of a study: these metrics of each service, each arm against one of them.

    Attributes:
        metrics: keys of the analysis' metrics. A metric that a campaign did not measure is omitted.
        against: the arm that all others are compared with; None: the control, or the first arm.
    """

    metrics: list[HeadlineMetric] = Field(default=["throughput", "instructions_per_request"], min_length=1)
    against: str | None = None


class Study(Strict):
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
    network: NetworkPath | None = Field(
        default=None, description="how packets reach containers, and guests on QEMU"
    )
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
            raise ValueError("each is between 1 and 64")
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
