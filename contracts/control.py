"""The A/A control: one arm of a study is booted twice in every block, the second time under another name."""

from __future__ import annotations

_AGAIN = "-again"


def again(arm: str) -> str:
    """The second name of ``arm``."""
    return f"{arm}{_AGAIN}"


def is_again(name: str) -> bool:
    """Whether a cell's arm is a control's second name."""
    return name.endswith(_AGAIN)


def arm_booted(name: str) -> str:
    """The arm that a cell's name stands for: what is booted, whichever name it runs under."""
    return name.removesuffix(_AGAIN)
