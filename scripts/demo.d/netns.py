# SPDX-License-Identifier: GPL-2.0-only
"""Sockets in network namespaces, for the scripts of the demo.

A socket belongs to the namespace it was opened in, so one process can hold sockets of
several. They come through xtcp's second door, IPPROTO_XTCP on AF_INET, because Python
knows no addresses of other families.
"""

import ctypes
import os
import socket

CLONE_NEWNET = 0x40000000
IPPROTO_XTCP = 253

LIBC = ctypes.CDLL(None, use_errno=True)


def enter(netns):
    """The namespace of that name, as "ip netns" makes them."""
    with open(f'/run/netns/{netns}', 'rb') as place:
        if LIBC.setns(place.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f'setns {netns}')


def open_socket(netns, protocol):
    """A stream socket in the namespace of that name, where the caller is left."""
    enter(netns)
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
