# SPDX-License-Identifier: GPL-2.0-only
"""One transport in the SYN flood of the demo: a server, its honest clients, its attacker.

The server listens in the namespace NAME-server, where build/tools/demo-flood lets SYNs
arrive from addresses nobody has. Honest clients connect out of NAME-modern and NAME-plain,
ask what was agreed on and get the options of the server's end of the connection, from its
TCP_INFO. Everything is driven by the caller's selector: nothing here waits.
"""

import errno
import json
import os
import selectors
import socket
import struct
import subprocess
import time

from netns import IPPROTO_XTCP, enter, open_socket

SERVER = ('192.0.2.1', 8080)
BACKLOG = 64
# Of half-open connections; as Linux has it, one more than asked for.
BOUND = BACKLOG + 1
KINDS = ('modern', 'plain')
PATIENCE_S = 10

SYN_RECV = '03'
# struct tcp_info: options, window scales, MSS to send with.
TCPI_OPTIONS, TCPI_WSCALES, TCPI_SND_MSS = 5, 6, 16
TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE = 1, 2, 4
TIMESTAMP_BYTES = 12

TRANSPORTS = {
    'xtcp': {'protocol': IPPROTO_XTCP, 'listing': '/proc/net/xtcp',
             'counters': '/proc/net/xtcp_snmp', 'slab': 'xtcp_halfopen'},
    'tcp': {'protocol': socket.IPPROTO_TCP, 'listing': '/proc/net/tcp',
            'counters': '/proc/net/netstat', 'slab': 'request_sock_TCP'},
}


class Failed(Exception):
    """Something is not as the demo claims."""


def agreed(sock):
    """What the two sides agreed on, as one end of the connection has it."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    options = info[TCPI_OPTIONS]
    timestamps = bool(options & TCPI_OPT_TIMESTAMPS)
    mss = struct.unpack_from('=I', info, TCPI_SND_MSS)[0] + TIMESTAMP_BYTES * timestamps
    return {'mss': mss, 'timestamps': timestamps, 'sack': bool(options & TCPI_OPT_SACK),
            'wscale': info[TCPI_WSCALES] & 15 if options & TCPI_OPT_WSCALE else None}


def read_counters(path):
    """A file in the format of /proc/net/netstat: a line of names, a line of values."""
    counters = {}
    with open(path, encoding='ascii') as file:
        for names in file:
            values = next(file)
            counters.update(zip(names.split()[1:], map(int, values.split()[1:])))
    return counters


def read_hole():
    """(packets, bytes) that came from nobody, and (packets, bytes) sent there."""
    with open('/proc/net/dev', encoding='ascii') as file:
        for line in file:
            name, _, numbers = line.partition(':')
            if name.strip() == 'hole':
                numbers = [int(number) for number in numbers.split()]
                return (numbers[1], numbers[0]), (numbers[9], numbers[8])
    raise Failed('the device of the attacker is gone')


class Client:
    """One honest client: connects, asks, expects the answer."""

    def __init__(self, kind, start):
        self.kind = kind
        self.start = start
        self.connect_ms = None
        self.answer_ms = None
        self.agreed = None
        self.error = None


class Side:
    """The server, its clients and its attacker."""

    def __init__(self, name, select, rate, seconds):
        self.name = name
        self.select = select
        self.transport = TRANSPORTS[name]
        self.netns = f'{name}-server'
        self.zero = 0.0
        self.clients = []
        self.pending = {}
        self.samples = []
        self.sent = self.cpu_us = None
        self.ss = None
        self.flood = self.start_flood(rate, seconds)
        self.select.register(self.flood.stdout, selectors.EVENT_READ, self.flood_over)
        self.listener = open_socket(self.netns, self.transport['protocol'])
        self.listener.setblocking(False)
        self.listener.bind(SERVER)
        self.listener.listen(BACKLOG)
        self.select.register(self.listener, selectors.EVENT_READ, self.accept)

    def now(self):
        return time.monotonic() - self.zero

    # The attacker.

    def start_flood(self, rate, seconds):
        enter(self.netns)
        control = '1' if self.transport['protocol'] == socket.IPPROTO_TCP else '0'
        flood = subprocess.Popen(
            ['build/tools/demo-flood', str(SERVER[1]), str(rate), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, XTCP_TEST_CONTROL=control))
        line = flood.stdout.readline()
        while line.startswith('#'):         # the seed of its random numbers
            line = flood.stdout.readline()
        if line != 'ready\n':
            raise Failed('the attacker did not start')
        return flood

    def attack(self):
        self.flood.stdin.write('now\n')
        self.flood.stdin.flush()

    def flood_over(self):
        self.select.unregister(self.flood.stdout)
        words = self.flood.stdout.readline().split()
        if words[:1] != ['done']:
            raise Failed('the attacker failed')
        self.sent, self.cpu_us = int(words[1]), int(words[2])

    # The server.

    def accept(self):
        sock, _ = self.listener.accept()
        sock.setblocking(False)
        self.select.register(sock, selectors.EVENT_READ, lambda: self.serve(sock))

    def serve(self, sock):
        try:
            if sock.recv(100):
                sock.send(json.dumps(agreed(sock)).encode())
                return
        except OSError:
            pass    # the client sees it too, and tells
        self.select.unregister(sock)
        sock.close()

    # The clients.

    def connect(self, kind):
        sock = open_socket(f'{self.name}-{kind}', self.transport['protocol'])
        sock.setblocking(False)
        client = Client(kind, self.now())
        self.clients.append(client)
        self.pending[sock] = client
        error = sock.connect_ex(SERVER)
        if error != errno.EINPROGRESS:
            self.finish(sock, os.strerror(error))
            return
        self.select.register(sock, selectors.EVENT_WRITE, lambda: self.connected(sock))

    def connected(self, sock):
        client = self.pending[sock]
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.finish(sock, os.strerror(error))
            return
        client.connect_ms = 1000 * (self.now() - client.start)
        sock.send(b'What did we agree on?\n')
        self.select.modify(sock, selectors.EVENT_READ, lambda: self.answered(sock))

    def answered(self, sock):
        client = self.pending[sock]
        try:
            client.agreed = json.loads(sock.recv(1000))
            client.answer_ms = 1000 * (self.now() - client.start)
            self.finish(sock, None)
        except (OSError, ValueError) as error:
            self.finish(sock, str(error))

    def finish(self, sock, error):
        self.pending.pop(sock).error = error
        if sock in self.select.get_map():
            self.select.unregister(sock)
        sock.close()

    def give_up(self):
        """The clients whose patience is at an end."""
        for sock, client in list(self.pending.items()):
            if self.now() - client.start > PATIENCE_S:
                self.finish(sock, f'no answer within {PATIENCE_S} s')

    # The observer.

    def read_half_open(self):
        with open(self.transport['listing'], encoding='ascii') as file:
            return sum(line.split(None, 4)[3] == SYN_RECV for line in file)

    def sample(self):
        enter(self.netns)
        counters = read_counters(self.transport['counters'])
        syns, answers = read_hole()
        self.samples.append({
            'time': self.now(), 'half_open': self.read_half_open(),
            'syns': syns[0], 'syn_bytes': syns[1],
            'answers': answers[0], 'answer_bytes': answers[1],
            'cookies': counters['SyncookiesSent'], 'cookies_back': counters['SyncookiesRecv']})

    def list_half_open(self):
        """As anybody would, in the middle of it."""
        enter(self.netns)
        self.ss = subprocess.Popen(
            ['sh', '-c', 'ss -Htan state syn-recv | wc -l'], stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, PROC_NET_TCP=self.transport['listing']))

    def rate(self, name):
        """Of a sampled number, over the last second or so."""
        last = self.samples[-1]
        first = next(s for s in self.samples if last['time'] - s['time'] < 1.2)
        return (last[name] - first[name]) / max(last['time'] - first['time'], 0.1)

    def close(self):
        self.flood.kill()
        self.flood.wait()

    def result(self):
        """All there is to know, for the picture."""
        path = f'/sys/kernel/slab/{self.transport["slab"]}/slab_size'
        entry_bytes = None
        if os.path.exists(path):
            with open(path, encoding='ascii') as file:
                entry_bytes = int(file.read())
        enter(self.netns)
        return {'name': self.name, 'backlog': BACKLOG, 'bound': BOUND,
                'listed': int(self.ss.communicate()[0]), 'flood': self.sent,
                'cpu_us': self.cpu_us, 'entry_bytes': entry_bytes,
                'samples': self.samples, 'clients': [vars(client) for client in self.clients],
                'counters': read_counters(self.transport['counters'])}
