"""The workloads: what a service does and how it is loaded, and the services that implement each.

A service is named WORKLOAD-LANGUAGE, or WORKLOAD-LANGUAGE.VARIANT for another build of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A size of a workload that the study sets.

    Attributes:
        name: the key of a study and of its cells that has the value, an integer.
        variable: the service's environment variable.
        option: the load's option; without the parameter it is given 0.
        placeholder: what stands for the value in reference responses.
    """

    name: str
    variable: str
    option: str
    placeholder: str


@dataclass(frozen=True)
class Workload:
    """What services do, and how they are loaded.

    Attributes:
        locustfile: on a load client, below the folder of the load.
        responses: in the project, the reference responses; the first one is a right answer to a GET.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def locustfile(self) -> str:
        """Path below the folder of the load."""
        return f"locustfiles/{self.name}.py"

    @property
    def responses(self) -> str:
        """Path below the project's folder."""
        return f"services/{self.name}/responses.json"

    @property
    def staged_responses(self) -> str:
        """Path below the folder of the load."""
        return f"responses/{self.name}.json"


ARRAY_LENGTH = Parameter("array_length", "UNILAB_ARRAY_LENGTH", "--array-length", "{n}")

# The port that every service listens on, unless the role trial or a prebuilt image has another.
SERVICE_PORT = 8080

# Parameters that any workload has: the load accepts each option, and ignores it at 0.
PARAMETERS = (ARRAY_LENGTH,)

WORKLOADS: dict[str, Workload] = {
    workload.name: workload for workload in (Workload("todos"), Workload("bubble_sort", (ARRAY_LENGTH,)))
}
LANGUAGES = ("go", "java", "python")
# Other builds of a service, for studies that name them.
VARIANTS = {"go": ("static", "shared")}
SERVICES = tuple(
    f"{workload}-{language}{variant}"
    for workload in WORKLOADS
    for language in LANGUAGES
    for variant in ("", *(f".{name}" for name in VARIANTS.get(language, ())))
)


def split_service(service: str) -> tuple[str, str]:
    """Return (workload, language) of a service such as ``bubble_sort-python`` or ``todos-go.static``."""
    workload, _, language = service.partition(".")[0].rpartition("-")
    return workload, language


def workload_of(service: str) -> Workload:
    """The workload of ``service``. Raises KeyError for one that is not known."""
    return WORKLOADS[split_service(service)[0]]


def is_variant(service: str) -> bool:
    """Whether ``service`` is another build, such as ``todos-go.static``, of one that its name begins with."""
    return "." in service


def parameter_values(workload: Workload, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``values``, a study's keys, those that ``workload`` declares; None for the other parameters."""
    declared = {parameter.name for parameter in workload.parameters}
    return {each.name: values[each.name] if each.name in declared else None for each in PARAMETERS}
