"""The workloads: what a service does and how it is loaded, and the services that implement each.

A service is named WORKLOAD-LANGUAGE, or WORKLOAD-LANGUAGE.VARIANT for another build of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Value = int | float | str


# A text stands in names of folders and on command lines.
_TEXT = re.compile(r"[A-Za-z0-9._-]+")
_MANIFEST = "Capstanfile"
_TYPES = {"integer": int, "number": float, "text": str}


@dataclass(frozen=True)
class Parameter:
    """A property of a workload that a study may set; the service has it in its environment.

    Attributes:
        name: the key in studies and cells. ``{name}`` stands for the value in reference responses and in the
            command lines of prebuilt images.
        type: integer, number or text.
        default: the value where a study gives none.
        mark: precedes the value in the names of cells.
        meaning: a sentence on the value in braces, for the report.
        least: the smallest integer or number.
    """

    name: str
    type: Literal["integer", "number", "text"]
    default: Value
    mark: str
    meaning: str
    least: float | None = None

    @property
    def variable(self) -> str:
        """The service's environment variable."""
        return f"UNILAB_{self.name.upper()}"

    def checked(self, value: Value) -> Value:
        """``value`` in the parameter's type. Raises ValueError where it has another one, or is too small."""
        kind = _TYPES[self.type]
        if self.type == "number" and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"{self.name}: {value!r} is no {self.type}")
        if isinstance(value, str):
            if not _TEXT.fullmatch(value):
                raise ValueError(f"{self.name}: {value!r} has other characters than A-Z a-z 0-9 . _ -")
            return value
        if self.least is not None and not value >= self.least:
            raise ValueError(f"{self.name}: {value} is less than {self.least:g}")
        if not math.isfinite(value):
            raise ValueError(f"{self.name}: {value} is not finite")
        return value


@dataclass(frozen=True)
class Workload:
    """What services do, and how they are loaded.

    Attributes:
        locustfile: on a load client, below the folder of the load.
        responses: in the project, the reference responses; the first one is a right answer to a GET.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()

    def values(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The value of every parameter: of ``given``, else the default. Raises ValueError, see `checked`."""
        declared = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in declared:
                known = ", ".join(declared) or "none"
                raise ValueError(f"workload {self.name} has no parameter '{name}'; it declares: {known}")
        return {name: each.checked(given.get(name, each.default)) for name, each in declared.items()}

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


_ARRAY_LENGTH = Parameter(
    "array_length",
    type="integer",
    default=20_000,
    mark="n",
    meaning="bubble_sort sorts {:,} numbers per request",
    least=2,
)

# The port that every service listens on, unless the role trial or a prebuilt image has another;
# module_utils/unilab/service.py has the same for modules on other hosts.
SERVICE_PORT = 8080

WORKLOADS: dict[str, Workload] = {
    workload.name: workload for workload in (Workload("todos"), Workload("bubble_sort", (_ARRAY_LENGTH,)))
}
# Every parameter by its name, which is unique among the workloads.
PARAMETERS = {each.name: each for workload in WORKLOADS.values() for each in workload.parameters}


def services_in(folder: Path) -> tuple[str, ...]:
    """The services with a manifest below ``folder``: ``WORKLOAD/LANGUAGE/Capstanfile`` and its variants."""
    return tuple(
        f"{workload}-{path.parent.name}{path.name.removeprefix(_MANIFEST)}"
        for workload in WORKLOADS
        for path in sorted((folder / workload).glob(f"*/{_MANIFEST}*"))
        if path.name == _MANIFEST or path.name.startswith(f"{_MANIFEST}.")
    )


# A service is a folder, and nothing else names it.
SERVICES = services_in(Path(__file__).resolve().parents[1] / "services")


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


def parameters_slug(parameters: Mapping[str, Value]) -> str:
    """The end of a cell's name: ``-n2000``; "" without parameters."""
    return "".join(f"-{PARAMETERS[name].mark}{_text(value)}" for name, value in sorted(parameters.items()))


def parameters_text(parameters: Mapping[str, Value]) -> str:
    """The parameters in one column of a table: ``array_length=2000``, several separated by a space."""
    return " ".join(f"{name}={_text(value)}" for name, value in sorted(parameters.items()))


def parameters_of_text(text: str) -> dict[str, Value]:
    """The parameters that `parameters_text` wrote. Raises KeyError for one that no workload declares."""
    pairs = (word.partition("=") for word in text.split())
    return {name: PARAMETERS[name].checked(_TYPES[PARAMETERS[name].type](value)) for name, _, value in pairs}


def _text(value: Value) -> str:
    return repr(value) if isinstance(value, float) else str(value)
