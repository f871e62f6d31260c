"""Documentation of the option ``counting``; the option itself is `OPTION` in the module ``plugin``."""

from __future__ import annotations


class ModuleDocFragment:
    """The class that Ansible looks up in a documentation fragment."""

    DOCUMENTATION = r"""
options:
  counting:
    description: Counts the guest's instructions under TCG; see C(docs/counting.md).
    type: dict
    suboptions:
      plugin:
        description: The plugin that the module C(work_counter) compiles; empty counts nothing.
        type: str
        required: true
      kernel:
        description: Addresses of the guest's kernel, C(LOW-HIGH), hexadecimal.
        type: list
        elements: str
        default: []
      idle:
        description: Addresses of its idle loop, likewise.
        type: list
        elements: str
        default: []
      guest_kernel:
        description: Addresses of the kernels of guests that it runs itself, likewise.
        type: list
        elements: str
        default: []
"""
