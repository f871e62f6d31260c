#!/usr/bin/python
"""Ansible module work_series."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_series
short_description: Write the samples of a counted guest as a table
version_added: "0.2.0"
description:
  - Runs where the guest's QEMU runs, while the guest runs.
  - "Writes one row per sample and virtual CPU, gzipped: CLOCK_REALTIME in ns, how long the sample took in ns,
    the virtual CPU, and each counter since the start of the guest."
options:
  counts:
    description: The file that the plugin writes, or C(perf.csv) of perf.
    type: path
    required: true
  path:
    description: Where the table goes.
    type: path
    required: true
  from_ns:
    description: CLOCK_REALTIME in ns; earlier samples are not written.
    type: int
    default: 0
attributes:
  check_mode:
    support: none
    description: It measures a guest that runs; there is nothing to foresee.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Write what was counted
  work_series:
    counts: /run/unilab/unilab-instance/counts.bin
    path: /run/unilab/unilab-instance/work.csv.gz
"""

RETURN = r"""
mode:
  description: How the plugin counts, or C(perf stat).
  returned: always
  type: str
  sample: inline
api_version:
  description: QEMU's version of the plugin interface; none where perf counted.
  returned: always
  type: int
  sample: 1
interval_ms:
  description: Time between samples, as asked for.
  returned: always
  type: int
  sample: 100
ranges:
  description: The addresses that separate the instructions.
  returned: always
  type: list
  elements: str
  sample: [kernel=40200000-408926a7]
samples:
  description: How many samples the table has.
  returned: always
  type: int
  sample: 412
"""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.counting import perf
from ansible.module_utils.unilab.counting.mapped_file import MappedFile
from ansible.module_utils.unilab.errors import LabError

# CLOCK_REALTIME, how long the sample took, the virtual CPU, and its counters.
Row = tuple[int, int, int, Sequence[int]]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "counts": {"type": "path", "required": True},
            "path": {"type": "path", "required": True},
            "from_ns": {"type": "int", "default": 0},
        },
    )
    path, from_ns = Path(module.params["path"]), module.params["from_ns"]
    counts = Path(module.params["counts"])
    try:
        if counts == perf.counts_file(counts.parent):
            module.exit_json(changed=True, **_of_perf(counts, path, from_ns))
        with MappedFile(counts) as mapped:
            header = mapped.header
            rows = (
                (sample.realtime_ns, sample.spread_ns, vcpu, row)
                for sample in mapped.samples()
                for vcpu, row in enumerate(sample.counts)
            )
            samples = _write(header.names, rows, path, from_ns)
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=True,
        mode=header.mode,
        api_version=header.api_version,
        interval_ms=header.interval_ms,
        ranges=list(header.ranges),
        samples=samples,
    )


def _of_perf(counts: Path, path: Path, from_ns: int) -> dict[str, Any]:
    """All virtual CPUs together: perf counts the process."""
    rows = ((sample.realtime_ns, 0, 0, sample.counts) for sample in perf.samples_in(counts))
    return {
        "mode": perf.MODE,
        "api_version": None,
        "interval_ms": perf.INTERVAL_MS,
        "ranges": [],
        "samples": _write(perf.NAMES, rows, path, from_ns),
    }


def _write(names: Sequence[str], rows: Iterable[Row], path: Path, from_ns: int) -> int:
    aside, samples = path.with_name(path.name + ".partial"), 0
    with gzip.open(aside, "wt", encoding="ascii", compresslevel=6) as stream:
        stream.write(",".join(("realtime_ns", "spread_ns", "vcpu", *names)) + "\n")
        for realtime_ns, spread_ns, vcpu, counts in rows:
            if realtime_ns < from_ns:
                continue
            samples += vcpu == 0
            stream.write(",".join(map(str, (realtime_ns, spread_ns, vcpu, *counts))) + "\n")
    aside.replace(path)
    return samples


if __name__ == "__main__":
    main()
