# SPDX-License-Identifier: GPL-2.0-only
"""Servers of every kind, on one port each, and a client that talks to all of them at once.

servers.py serve ADDRESS PORT: threads, a process for each connection, processes that
share a listener, a listener for each process, descriptors passed to a worker, and event
loops on select, poll, epoll and asyncio, on PORT and the ports that follow.
servers.py ask ADDRESS PORT CONNECTIONS BYTES SEED: for each kind that many connections at
once; what each sends comes back, and the end of file comes after its own. Prints a line
for each kind; the status is 0 when everything was right.

Every server answers a connection with what it received; the client writes and reads at
the same time, so that both directions are full.
"""

import array
import asyncio
import os
import random
import selectors
import socket
import socketserver
import sys
import threading

KINDS = ("threads", "forks", "prefork", "reuseport", "passing", "select", "poll", "epoll", "asyncio")
WORKERS = 3
BLOCK = 16384


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listener(address, port, reuseport=False):
    server = socket.socket(family_of(address), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuseport:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((address, port))
    server.listen(64)
    return server


def echo(connection):
    with connection:
        while block := connection.recv(BLOCK):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        echo(self.request)


def run_socketserver(base, address, port):
    class Server(base):
        address_family = family_of(address)
        allow_reuse_address = True
        request_queue_size = 64

    Server((address, port), Handler).serve_forever()


def accept_loop(server):
    while True:
        echo_in_thread(server.accept()[0])


def echo_in_thread(connection):
    threading.Thread(target=echo, args=(connection,), daemon=True).start()


def run_prefork(address, port):
    server = listener(address, port)
    for _ in range(WORKERS - 1):
        if os.fork() == 0:
            break
    accept_loop(server)


def run_reuseport(address, port):
    # All before any is used: a listener that comes later takes over some of the flows.
    servers = [listener(address, port, True) for _ in range(WORKERS)]
    for server in servers[1:]:
        if os.fork() == 0:
            accept_loop(server)
    accept_loop(servers[0])


def run_passing(address, port):
    ours, workers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        while True:
            _, ancillary, _, _ = workers.recvmsg(1, socket.CMSG_SPACE(4))
            descriptor = array.array("i", ancillary[0][2])[0]
            echo_in_thread(socket.socket(fileno=descriptor))
    server = listener(address, port)
    while True:
        connection, _ = server.accept()
        socket.send_fds(ours, [b"x"], [connection.fileno()])
        # The other process alone holds it now.
        connection.close()


class Loop:
    """Echoes in one thread, non-blocking; holds what could not be written."""

    def __init__(self, selector, address, port):
        self.selector = selector
        self.pending = {}
        server = listener(address, port)
        server.setblocking(False)
        selector.register(server, selectors.EVENT_READ, self.accept)

    def run(self):
        while True:
            for key, events in self.selector.select():
                key.data(key.fileobj, events)

    def accept(self, server, _):
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        self.pending[connection] = bytearray()
        self.selector.register(connection, selectors.EVENT_READ, self.serve)

    def serve(self, connection, events):
        pending, ended = self.pending[connection], False
        if events & selectors.EVENT_READ:
            block = connection.recv(BLOCK)
            ended = not block
            pending += block
        try:
            if pending:
                del pending[:connection.send(pending)]
        except BlockingIOError:
            pass
        if ended:
            self.finish(connection)
        elif pending:
            # Reads no more until this is gone: the client has to stop as well.
            self.selector.modify(connection, selectors.EVENT_WRITE, self.serve)
        else:
            self.selector.modify(connection, selectors.EVENT_READ, self.serve)

    def finish(self, connection):
        self.selector.unregister(connection)
        connection.setblocking(True)
        connection.sendall(self.pending.pop(connection))
        connection.shutdown(socket.SHUT_WR)
        connection.close()


async def asyncio_echo(reader, writer):
    while block := await reader.read(BLOCK):
        writer.write(block)
        await writer.drain()
    writer.write_eof()
    writer.close()


async def run_asyncio(address, port):
    server = await asyncio.start_server(asyncio_echo, address, port, reuse_address=True)
    async with server:
        await server.serve_forever()


def run(kind, address, port):
    if kind == "threads":
        run_socketserver(socketserver.ThreadingTCPServer, address, port)
    elif kind == "forks":
        run_socketserver(socketserver.ForkingTCPServer, address, port)
    elif kind == "asyncio":
        asyncio.run(run_asyncio(address, port))
    elif kind in ("select", "poll", "epoll"):
        selector = getattr(selectors, kind.capitalize() + "Selector")()
        Loop(selector, address, port).run()
    else:
        globals()["run_" + kind](address, port)


def serve(address, port):
    # Each in a process of its own; the last port listens last, in this one.
    for number, kind in enumerate(KINDS):
        if number == len(KINDS) - 1:
            wait_for(address, range(port, port + number))
            run(kind, address, port + number)
        elif os.fork() == 0:
            run(kind, address, port + number)


def wait_for(address, ports):
    for port in ports:
        while True:
            with socket.socket(family_of(address), socket.SOCK_STREAM) as probe:
                if probe.connect_ex((address, port)) == 0:
                    break


async def write_all(writer, content):
    for begin in range(0, len(content), BLOCK):
        writer.write(content[begin:begin + BLOCK])
        await writer.drain()
    writer.write_eof()


async def converse(address, port, content):
    reader, writer = await asyncio.open_connection(address, port)
    got, _ = await asyncio.gather(reader.read(-1), write_all(writer, content))
    writer.close()
    return got == content


async def ask(address, port, connections, size, seed):
    chance = random.Random(seed)
    talks = {}
    for number, kind in enumerate(KINDS):
        talks[kind] = [asyncio.ensure_future(converse(address, port + number, chance.randbytes(size)))
                       for _ in range(connections)]
    failed = 0
    for kind, futures in talks.items():
        results = await asyncio.gather(*futures, return_exceptions=True)
        wrong = [result for result in results if result is not True]
        print(f"{kind}: {len(results) - len(wrong)} of {connections} right", *map(repr, wrong[:3]))
        failed += len(wrong)
    return failed


def main(argv):
    if len(argv) == 3 and argv[0] == "serve":
        serve(argv[1], int(argv[2]))
    elif len(argv) == 6 and argv[0] == "ask":
        sys.exit(1 if asyncio.run(ask(argv[1], *map(int, argv[2:]))) else 0)
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
