"""OSv's boot chart, read from a console."""

from __future__ import annotations

from ansible.module_utils.unilab.images.osv.boot_chart import phases_ms

# As core/chart.cc of OSv prints it.
CONSOLE = """OSv v0.57.0
\tdisk read (real mode): 47.46ms, (+47.46ms)
\tuncompress lzloader.elf: 68.10ms, (+20.64ms)
\tTLS initialization: 70.01ms, (+1.91ms)\r
eth0: 10.0.0.3
\tTotal time: 172.98ms, (+102.97ms)
Booted up in 172.98 ms
"""


def test_phases_are_read_in_their_order() -> None:
    assert list(phases_ms(CONSOLE).items()) == [
        ("disk read (real mode)", 47.46),
        ("uncompress lzloader.elf", 20.64),
        ("TLS initialization", 1.91),
        ("Total time", 102.97),
    ]


def test_a_console_without_a_chart_gives_none() -> None:
    assert phases_ms("OSv v0.57.0\nBooted up in 0.00 ms\n") == {}
