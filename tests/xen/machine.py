"""The emulated machine: Xen, its dom0, and the connections to it. Each step has a time limit."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.xen.root import Dom0

# Nested SVM works in QEMU's emulator with these features off; rdtscp would leave the emulated clock.
CPU = "max,+svm,-smap,-smep,-pku,-la57,-rdtscp"
MEMORY_MIB, DOM0_MEMORY_MIB = 2560, 1024
BOOT_TIMEOUT_S, CALL_TIMEOUT_S = 300, 300
# Where other programs use the CPUs, limits are extended, at most by this factor.
STRETCH = 5
READY = "unilab-dom0-ready"
# Output of Xen and Linux when the machine did what no hardware does.
FAULTS = (
    "Panic on CPU",
    "FATAL TRAP",
    "FATAL PAGE FAULT",
    "Xen BUG at",
    "double fault",
    "Kernel panic",
    "Oops:",
    "general protection fault",
    "watchdog: BUG: soft lockup",
)


class EmulatorFault(Exception):
    """The emulated machine died or hung; the message says where."""


class Patience:
    """A time limit for the emulated machine, without the time in which it waited for a CPU.

    Else a busy machine would look like a fault of the emulator. The time excluded is that in which the
    thread of QEMU that waited longest was runnable and did not run (proc/PID/schedstat, second field, ns).
    """

    def __init__(self, pid: int, limit_s: float) -> None:
        self._tasks, self._limit_s = Path(f"/proc/{pid}/task"), limit_s
        self._began_s, self._waited_before_s = time.monotonic(), self._waited_s()

    def over(self) -> bool:
        """Whether the limit has passed."""
        passed_s = time.monotonic() - self._began_s
        waited_s = self._waited_s() - self._waited_before_s
        return passed_s - waited_s > self._limit_s or passed_s > STRETCH * self._limit_s

    def __str__(self) -> str:
        passed_s = time.monotonic() - self._began_s
        waited_s = self._waited_s() - self._waited_before_s
        return f"{passed_s:.0f} s, in {waited_s:.0f} s of which QEMU waited for a CPU"

    def _waited_s(self) -> float:
        waits_ns = [0]
        for path in self._tasks.glob("*/schedstat"):
            # A thread may end meanwhile; a kernel may be built without these figures.
            with suppress(OSError, IndexError):
                waits_ns.append(int(path.read_text().split()[1]))
        return max(waits_ns) / 1e9


class Machine:
    """A running machine, as a context; QEMU and ssh end with it.

    Attributes:
        folder: its logs: xen.log is the serial console of Xen and of its dom0.
        ports: ports of 127.0.0.1 that are forwarded, by name.
    """

    def __init__(self, dom0: Dom0, folder: Path, forwards: dict[str, str]) -> None:
        """``forwards``: name to ADDRESS:PORT as the dom0 reaches it."""
        self.dom0, self.folder, self.forwards = dom0, folder, forwards
        self.ports = {name: _free_port() for name in ("ssh", *forwards)}
        self._children: list[subprocess.Popen[str]] = []
        # A socket's path has at most 108 bytes.
        self._aside = Path(tempfile.mkdtemp(prefix="unilab-xen-"))

    def __enter__(self) -> Machine:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def log(self) -> str:
        """The output of Xen and dom0 until now."""
        path = self.folder / "xen.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def fault(self) -> str:
        """The sign of a fault in the log, "" where there is none."""
        if self._children and self._children[0].poll() is not None:
            return f"QEMU ended with status {self._children[0].returncode}"
        return next((line.strip() for line in self.log.splitlines() if any(f in line for f in FAULTS)), "")

    def patience(self, limit_s: float) -> Patience:
        """A time limit that starts now."""
        return Patience(self._children[0].pid, limit_s)

    def run(self, *argv: str, timeout_s: float = CALL_TIMEOUT_S, **options: object) -> str:
        """Run a command in the dom0 and return its output.

        Raises EmulatorFault where the dom0 does not answer, CalledProcessError where the command fails.
        """
        try:
            done = subprocess.run(  # type: ignore[call-overload]
                [*self._ssh(), " ".join(argv)],
                **{"stdin": subprocess.DEVNULL, "text": True, **options},
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EmulatorFault(f"dom0 did not answer `{argv[0]}` within {timeout_s:g} s") from None
        if done.returncode == 255:
            raise EmulatorFault(f"dom0 cannot be reached any more: {done.stderr.strip()[-200:]}")
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
        return str(done.stdout)

    def start(self, log: str, *argv: str) -> Path:
        """Start a command in the dom0 that runs until the end; its output goes to the file ``log``."""
        path = self.folder / log
        with path.open("w") as stream:
            self._child([*self._ssh(), " ".join(argv)], stdout=stream, stderr=stream)
        return path

    def put(self, paths: list[str], base: Path, target: str) -> None:
        """Copy files and folders below ``base`` to ``target`` in the dom0."""
        packed = subprocess.run(
            ["tar", "--exclude=__pycache__", "-cz", "-C", str(base), *paths], check=True, capture_output=True
        ).stdout
        self.run(f"tar -xz -C {target}", input=packed, stdin=None, text=False)

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "xen.log").unlink(missing_ok=True)
        with (self.folder / "qemu.log").open("w") as stream:
            self._child(self._qemu(), stdout=stream, stderr=stream)
        patience = self.patience(BOOT_TIMEOUT_S)
        while READY not in self.log:
            if self.fault():
                raise EmulatorFault(f"while dom0 booted: {self.fault()}")
            if patience.over():
                last = (self.log.strip().splitlines() or ["nothing"])[-1]
                raise EmulatorFault(f"dom0 was not up within {patience}; last line: {last}")
            time.sleep(0.5)
        tunnels = [
            word
            for name, to in self.forwards.items()
            for word in ("-L", f"127.0.0.1:{self.ports[name]}:{to}")
        ]
        with (self.folder / "ssh.log").open("w") as stream:
            self._child(self._ssh("-M", "-N", *tunnels), stdout=stream, stderr=stream)
        patience = self.patience(CALL_TIMEOUT_S)
        while not (self._aside / "ssh").exists():
            if patience.over():
                raise EmulatorFault(f"dom0's sshd did not answer within {patience}")
            time.sleep(0.2)

    def _qemu(self) -> list[str]:
        memory = f"{DOM0_MEMORY_MIB}M"
        xen = f"console=com1 com1=115200,8n1 dom0_mem={memory},max:{memory} dom0_max_vcpus=1"
        kernel = f"{self.dom0.kernel} console=hvc0 quiet net.ifnames=0"
        return [
            *("qemu-system-x86_64", "-name", "unilab-xen", "-M", "q35", "-nodefaults", "-no-user-config"),
            *("-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "2", "-m", str(MEMORY_MIB)),
            *("-display", "none", "-monitor", "none", "-no-reboot"),
            *("-serial", f"file:{self.folder / 'xen.log'}"),
            # Multiboot: Xen, then its modules, dom0's kernel and initial RAM disk.
            *("-kernel", str(self.dom0.xen), "-append", xen, "-initrd", f"{kernel},{self.dom0.initrd}"),
            *("-drive", f"file={self.dom0.disk},format=raw,if=virtio,snapshot=on"),
            # No connection to the outside; one from this machine.
            *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.ports['ssh']}-10.0.2.15:22"),
            *("-device", "virtio-net-pci,netdev=net"),
        ]

    def _ssh(self, *more: str) -> list[str]:
        options = {
            "ControlPath": str(self._aside / "ssh"),
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "no",  # the other end is our own child, on 127.0.0.1
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": "60",
            "ExitOnForwardFailure": "yes",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        login = ["-i", str(self.dom0.key), "-p", str(self.ports["ssh"]), "root@127.0.0.1"]
        return ["ssh", "-F", "none", *words, *more, *login]

    def _child(self, argv: list[str], **options: object) -> subprocess.Popen[str]:
        # It ends with this process, however that ends.
        child: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
            ["setpriv", "--pdeathsig", "TERM", *argv],
            **{"stdin": subprocess.DEVNULL, "text": True, **options},
        )
        self._children.append(child)
        return child


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
