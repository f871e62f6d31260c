"""Facts of a host from files as its kernel writes them."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.unilab.hosts.health import health_of

FILES = {
    "proc/loadavg": "0.52 0.58 0.59 1/467 12345",
    "proc/meminfo": "MemAvailable: 1024 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\nHugePages_Total: 0\n",
    "proc/net/route": "Iface\tDestination\tGateway\nbr0\t0000A8C0\t00000000\neth1\t00000000\t0100A8C0\n",
    "sys/class/net/eth1/mtu": "9000\n",
    "sys/class/net/eth1/speed": "2500\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
    "etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
    "dev/kvm": "",
}


def written(root: Path) -> Path:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_facts_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    found = health_of([str(tmp_path / "not/made")], written(tmp_path))
    assert found["free_bytes"].popitem()[1] > 0
    wanted = {
        "load_1min": 0.52,
        "governors": ["performance", "powersave"],
        "memory_available_bytes": 1024 * 1024,
        "swap_used_bytes": 40 * 1024,
        "interface": "eth1",
        "mtu": 9000,
        "speed_mbit_per_s": 2500,
        "has_kvm": True,
        "system": "Debian",
        "release": "12",
    }
    assert {name: found[name] for name in wanted} == wanted


def test_what_a_kernel_does_not_state_is_none_and_no_route_is_no_interface(tmp_path: Path) -> None:
    (tmp_path / "sys/class/net/lo").mkdir(parents=True)
    (tmp_path / "sys/class/net/lo/mtu").write_text("65536\n")
    found = health_of([], tmp_path)
    assert found["interface"] is found["mtu"] is found["speed_mbit_per_s"] is None
    assert found["memory_available_bytes"] is None
    assert (found["governors"], found["swap_used_bytes"], found["has_kvm"]) == ([], 0, False)
