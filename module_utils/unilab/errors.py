"""The error of a module that cannot continue."""

from __future__ import annotations


class LabError(Exception):
    """Something of the laboratory is not as it must be; the message says what, and the remedy."""
