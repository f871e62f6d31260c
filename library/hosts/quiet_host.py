#!/usr/bin/python
"""Ansible module quiet_host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: quiet_host
short_description: Packages held and periodic units stopped while a host is measured
version_added: "0.2.0"
description:
  - Holds installed packages, so that no upgrade changes what is measured.
  - Stops units that would use CPU or disk during a measurement.
  - Packages that are held already and units that are not active are not touched, now or later.
  - The changes are written to a file on the host first. After a run that was killed, the next one restores
    the host from this file.
options:
  state:
    description: C(quiet) holds and stops; C(restored) undoes exactly that.
    type: str
    choices: [quiet, restored]
    default: quiet
  packages:
    description: Packages to hold, where they are installed; patterns of shell such as C(linux-image-*).
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd to stop, where they are active.
    type: list
    elements: str
    default: []
  wait_s:
    description: Time to wait for the end of an installation that is running, in seconds.
    type: float
    default: 600
attributes:
  check_mode:
    support: full
    description: Reports what would be held and stopped.
  diff_mode:
    support: full
    description: Shows packages and units.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: No upgrade during a campaign
  quiet_host:
    packages: [docker.io, containerd, runc, linux-image-*]
    units: [apt-daily.timer, apt-daily-upgrade.timer]

- name: The host as it was before
  quiet_host:
    state: restored
"""

RETURN = r"""
held:
  description: Packages that unilab holds, after the module has run.
  returned: always
  type: list
  elements: str
  sample: [containerd, docker.io]
stopped:
  description: Units that unilab has stopped, after the module has run.
  returned: always
  type: list
  elements: str
  sample: [apt-daily.timer]
restored:
  description: What was restored; after a run that was killed, what that run had left.
  returned: state is restored
  type: dict
  sample: {held: [docker.io], stopped: [apt-daily.timer]}
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.quiet import Host, Quiet

NOTHING = Quiet([], [])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["quiet", "restored"], "default": "quiet"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "wait_s": {"type": "float", "default": 600},
        },
        supports_check_mode=True,
    )
    try:
        result = _quiet(module) if module.params["state"] == "quiet" else _restored(module)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _quiet(module: AnsibleModule) -> dict[str, Any]:
    host = Host()
    before = host.recorded() or NOTHING
    wanted = host.wanted(module.params["packages"], module.params["units"])
    after = Quiet(sorted({*before.held, *wanted.held}), sorted({*before.stopped, *wanted.stopped}))
    if not module.check_mode:
        after = host.quieten(wanted, module.params["wait_s"])
    return {"changed": wanted != NOTHING, **asdict(after), "diff": _diff(before, after)}


def _restored(module: AnsibleModule) -> dict[str, Any]:
    host = Host()
    before = host.recorded()
    if before is not None and not module.check_mode:
        host.restore(before)
    was = before or NOTHING
    return {
        "changed": before is not None,
        **asdict(NOTHING),
        "restored": asdict(was),
        "diff": _diff(was, NOTHING),
    }


def _diff(before: Quiet, after: Quiet) -> dict[str, Any]:
    return {"before": asdict(before), "after": asdict(after)}


if __name__ == "__main__":
    main()
