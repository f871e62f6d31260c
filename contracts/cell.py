"""A cell: what is booted, and under which name."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from contracts.loads import Strict
from contracts.workload import PARAMETERS, Value, parameters_slug


class Cell(Strict):
    """service x arm x threads x caps x the workload's parameters.

    Attributes:
        parameters: value of each parameter that the workload declares, by name.
    """

    service: str
    arm: str
    threads: int
    cpus: float
    memory_mib: int
    parameters: dict[str, Value] = Field(default={})

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
