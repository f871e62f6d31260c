"""Documentation of the option ``connection``, shared by every module that calls XAPI.

The option itself is `OPTION` in the module ``session`` of ``module_utils/unilab``.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The class that Ansible looks up in a documentation fragment."""

    DOCUMENTATION = r"""
options:
  connection:
    description: Address, account and certificate of XAPI.
    type: dict
    suboptions:
      hostname:
        description: Address of the host; in a pool, of any member, best of the coordinator.
        type: str
        required: true
      port:
        description: Port of XAPI.
        type: int
        default: 443
      username:
        description: Account.
        type: str
        default: root
      password:
        description: Password of the account.
        type: str
        required: true
      ca_file:
        description:
          - PEM file of the CA, or of the host's own certificate; for a pool, with those of all members.
          - Empty for the CAs of the system.
        type: path
        default: ""
      fingerprint:
        description:
          - SHA-256 of the host's certificate. With it no other property of the certificate is checked.
          - For a pool, a list with the SHA-256 of each member's certificate, or a mapping from each member's
            address to it.
        type: raw
        default: ""
      validate_certs:
        description: With V(false) every certificate is accepted.
        type: bool
        default: true
"""
