#!/usr/bin/python
"""Documentation of the action plugin clock_offset, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: clock_offset
short_description: How far a host's clock is from the controller's
version_added: "0.2.0"
description:
  - Runs C(date) on the host five times and keeps the fastest exchange. The true offset is within C(error_ns).
options: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing anyway.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Compare the client's clock
  clock_offset:
  delegate_to: client
  register: client_clock
"""

RETURN = r"""
offset_ns:
  description: The host's CLOCK_REALTIME less the controller's.
  returned: always
  type: int
  sample: -1200345
error_ns:
  description: By how much the offset may be wrong, half of the exchange's duration.
  returned: always
  type: int
  sample: 8100000
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Refuse to run: the action plugin of this name does the work."""
    AnsibleModule(argument_spec={}, supports_check_mode=True).fail_json(
        msg="clock_offset needs its action plugin. Remedy: set action_plugins in ansible.cfg."
    )


if __name__ == "__main__":
    main()
