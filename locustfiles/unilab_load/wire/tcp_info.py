"""How many segments of a connection were sent again, from TCP_INFO (linux/tcp.h, struct tcp_info)."""

from __future__ import annotations

import socket
import struct

_BYTES = 224
_TOTAL_RETRANS_AT = 100
_DSACK_DUPS_AT = 216
_U32 = struct.Struct("=I")


def retransmits(connection: socket.socket) -> int:
    """Return how many segments of ``connection`` were sent again, SYN included, since it was opened.

    Segments that arrived twice by the receiver's own account (RFC 2883, D-SACK) are not counted: nothing was
    lost, the acknowledgement was late. Kernels before 4.19 do not report those. 0 where there is no TCP_INFO.
    """
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)
    except OSError:
        return 0
    return max(0, _at(info, _TOTAL_RETRANS_AT) - _at(info, _DSACK_DUPS_AT))


def _at(info: bytes, offset: int) -> int:
    return int(_U32.unpack_from(info, offset)[0]) if len(info) >= offset + _U32.size else 0
