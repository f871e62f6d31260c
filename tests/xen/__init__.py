"""One guest through Xen's real boot path: Debian's Xen and a dom0 in QEMU, the XAPI double inside it.

python -m tests.xen        what `make test-xen` does; docs/nested_xen.md
"""

# First, for it makes the project's module_utils importable as Ansible does.
import tests.doubles.xapi  # noqa: F401
