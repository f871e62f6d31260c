"""Tools that benchmarks compare with. None is required: a missing one is named with its remedy."""

from __future__ import annotations

import importlib.util
import shutil


def missing_program(name: str, package: str) -> str:
    """Why the program ``name`` of a Debian ``package`` cannot run, with the remedy; "" where it can."""
    if shutil.which(name):
        return ""
    return f"{name} is not installed. Remedy: apt-get install {package}."


def missing_module(name: str, remedy: str) -> str:
    """Why the Python module ``name`` cannot be imported, with the remedy; "" where it can."""
    if importlib.util.find_spec(name):
        return ""
    return f"the Python module {name} is not installed. Remedy: {remedy}."


def not_run(name: str, why: str) -> str:
    """The line in place of a tool's figures."""
    return f"{name}: not run, {why}"
