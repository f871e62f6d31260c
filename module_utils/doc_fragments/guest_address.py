"""Documentation of the options ``address`` and ``port``, shared by every module that boots a guest."""

from __future__ import annotations


class ModuleDocFragment:
    """The class that Ansible looks up in a documentation fragment."""

    DOCUMENTATION = r"""
options:
  address:
    description: Address at which the guest will answer.
    type: str
  port:
    description: Port at which the guest will answer.
    type: int
    default: 8080
"""
