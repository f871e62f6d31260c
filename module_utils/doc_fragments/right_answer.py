"""Documentation of the option ``answer``; the option itself is `OPTION` in the module ``first_answer``."""

from __future__ import annotations


class ModuleDocFragment:
    """The class that Ansible looks up in a documentation fragment."""

    DOCUMENTATION = r"""
options:
  answer:
    description:
      - What a guest that takes no nonce must answer to a GET.
      - Nobody may answer at I(address) before it is booted.
    type: dict
    suboptions:
      path:
        description: What to ask for.
        type: str
        required: true
      status:
        description: Status of the right answer.
        type: int
        required: true
      body:
        description: Body of the right answer.
        type: str
        required: true
"""
