"""How long, how often and by which loop requests are sent: the part of the options that every process needs.

Each option of the load is declared once, here or in ``lead.options``: its field, flag, text and reader. The
command line, the message to a worker and load.json are made from the fields. A study's ``load`` and load.json
use the same names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class InputError(ValueError):
    """Input that the user can correct. The message is one line that names the input and the remedy."""

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}. Remedy: {remedy}.")


Reader = Callable[[str, str], Any]
"""Reads the text of a flag: (flag, text) -> value. Raises InputError."""


def option(flag: str, metavar: str, text: str, read: Reader, default: str | None = None) -> Any:
    """A dataclass field that is an option of the command line."""
    return field(metadata={"flag": flag, "metavar": metavar, "help": text, "read": read, "default": default})


def text(flag: str, value: str) -> str:
    """Read any text."""
    return value


def seconds(flag: str, value: str) -> float:
    """Read a time above 0."""
    return _number(flag, value, "no number of seconds", "give more than 0, such as 2.5")


def seconds_or_none(flag: str, value: str) -> float:
    """Read a time of 0 or more."""
    return _number(flag, value, "no number of seconds", "give 0 or more, such as 2.5", zero_allowed=True)


def above_zero(flag: str, value: str) -> float:
    """Read a number above 0."""
    return _number(flag, value, "no number above 0", "give one, such as 250")


def count(flag: str, value: str) -> int:
    """Read a whole number, 1 or more."""
    return _whole(flag, value, least=1)


def count_or_none(flag: str, value: str) -> int:
    """Read a whole number, 0 or more."""
    return _whole(flag, value, least=0)


def assignments(flag: str, value: str) -> dict[str, str]:
    """Read ``NAME=VALUE,...``, values by name. Raises InputError."""
    pairs = [word.partition("=") for word in value.split(",") if word]
    for name, equals, text in pairs:
        if not (name and equals and text):
            raise InputError(flag, f"'{name}{equals}{text}' is no NAME=VALUE", "give it as NAME=VALUE,...")
    return {name: text for name, _, text in pairs}


def one_of(*choices: str) -> Reader:
    """Return a reader of one of ``choices``."""

    def read(flag: str, value: str) -> str:
        if value not in choices:
            raise InputError(flag, f"'{value}' is unknown", f"give {' or '.join(choices)}")
        return value

    return read


@dataclass(frozen=True)
class LoadPlan:
    """One load, or one process's share of it.

    Attributes:
        warm_up_s: load before the measured window.
        duration_s: length of the measured window, or None where ``requests`` ends the load.
        requests: how many requests are sent in all, warm-up included, or None.
        max_s: when a load of ``requests`` is given up.
        timeout_s: how long a response may take.
        rate_per_s: requests that fall due each second, in an open loop; None is a closed loop.
        arrivals, seed: how they fall due; the same seed gives the same schedule.
    """

    warm_up_s: float = option(
        "--warm-up-s",
        "SECONDS",
        "Load before the measured window, recorded but not counted.",
        seconds_or_none,
        "0",
    )
    duration_s: float | None = option(
        "--duration-s",
        "SECONDS",
        "Length of the measured window. Either this, --run-time or --requests.",
        seconds,
    )
    requests: int | None = option(
        "--requests", "COUNT", "Send exactly so many requests in all, warm-up included.", count
    )
    max_s: float = option(
        "--max-s", "SECONDS", "Give up a run of --requests after this time.", seconds, "3600"
    )
    timeout_s: float = option("--timeout-s", "SECONDS", "How long a response may take.", seconds, "30")
    rate_per_s: float | None = option(
        "--rate", "PER_SECOND", "Open loop: so many requests fall due each second.", above_zero
    )
    arrivals: str = option(
        "--arrivals",
        "KIND",
        "How they fall due: poisson or constant.",
        one_of("poisson", "constant"),
        "poisson",
    )
    seed: int = option("--seed", "NUMBER", "The same number gives the same schedule.", count_or_none, "0")

    @property
    def send_until_s(self) -> float:
        """Seconds after the load's start from which no request is sent any more."""
        return self.max_s if self.duration_s is None else self.warm_up_s + self.duration_s


def _number(flag: str, value: str, problem: str, remedy: str, zero_allowed: bool = False) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0 or (number == 0 and not zero_allowed):
        raise InputError(flag, f"'{value}' is {problem}", remedy)
    return number


def _whole(flag: str, value: str, least: int) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise InputError(flag, f"'{value}' is no count", f"give a whole number, {least} or more")
    return int(value)
