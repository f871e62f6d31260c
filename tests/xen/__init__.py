"""One guest through Xen's own boot path: Debian's Xen and a dom0 in QEMU, the XAPI double inside it.

python -m tests.xen        run by `make test-xen`; docs/nested_xen.md
"""

# First, because it makes the project's module_utils importable.
import tests.doubles.xapi  # noqa: F401
