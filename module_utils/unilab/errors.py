"""What a module tells its user when it cannot go on."""

from __future__ import annotations


class LabError(Exception):
    """Something of the laboratory is not as it must be; the message says what, and the remedy."""
