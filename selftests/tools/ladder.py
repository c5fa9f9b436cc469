#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""tools/xtcp-ladder: connections found, segments matched, states followed, pictures drawn."""

import os
import subprocess
import sys
import tempfile
import xml.dom.minidom

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/xtcp-ladder')
CLIENT, SERVER = '10.0.0.1:40000', '10.0.0.2:80'
J, K = 4294967290, 1000
FLIGHT = 0.02


class Trace:
    """Writes what the tracepoints of a connection would have written."""

    def __init__(self, client=CLIENT, server=SERVER):
        self.ends = (client, server)
        self.lines = []
        self.now = 10.0

    def event(self, time, text):
        self.lines.append((time, len(self.lines),
                           f'  some-program-77  [001] ..s1. {time:12.6f}: {text}'))

    def state(self, side, old, new, time=None):
        local, remote = self.ends[side], self.ends[1 - side]
        self.event(time or self.now, f'xtcp_state: netns={side + 1} family=AF_INET src={local} '
                   f'dst={remote} old={old} new={new} event=ANY')

    def segment(self, side, flags, seq, ack=0, length=0, lost=False):
        """Sent now; arrives FLIGHT later. Returns the time of arrival."""
        fields = (f'src={self.ends[side]} dst={self.ends[1 - side]} flags={flags} '
                  f'seq={seq % 2**32} ack={ack % 2**32} win=500 len={length}')
        self.event(self.now, f'xtcp_send: netns={side + 1} {fields}')
        if not lost:
            self.event(self.now + FLIGHT, f'xtcp_rcv: netns={2 - side} {fields}')
        return self.now + FLIGHT

    def handshake(self):
        self.state(0, 'CLOSED', 'SYN_SENT')
        self.now = self.segment(0, 'SYN', J)
        self.state(1, 'LISTEN', 'SYN_RCVD')
        self.now = self.segment(1, 'ACK,SYN', K, J + 1)
        self.state(0, 'SYN_SENT', 'ESTABLISHED')
        self.now = self.segment(0, 'ACK', J + 1, K + 1)
        self.state(1, 'SYN_RCVD', 'ESTABLISHED')
        self.now += 0.1
        return self

    def four_way_close(self):
        self.state(0, 'ESTABLISHED', 'FIN_WAIT_1')
        self.now = self.segment(0, 'ACK,FIN', J + 1, K + 1)
        self.state(1, 'ESTABLISHED', 'CLOSE_WAIT')
        self.now = self.segment(1, 'ACK', K + 1, J + 2)
        self.state(0, 'FIN_WAIT_1', 'FIN_WAIT_2')
        self.now += 0.1
        self.state(1, 'CLOSE_WAIT', 'LAST_ACK')
        self.now = self.segment(1, 'ACK,FIN', K + 1, J + 2)
        self.state(0, 'FIN_WAIT_2', 'TIME_WAIT')
        self.now = self.segment(0, 'ACK', J + 2, K + 2)
        self.state(1, 'LAST_ACK', 'CLOSED')
        self.state(0, 'TIME_WAIT', 'CLOSED', self.now + 60)
        return self

    def simultaneous_close(self):
        for side in (0, 1):
            self.state(side, 'ESTABLISHED', 'FIN_WAIT_1')
        self.segment(0, 'ACK,FIN', J + 1, K + 1)
        self.now = self.segment(1, 'ACK,FIN', K + 1, J + 1)
        for side in (0, 1):
            self.state(side, 'FIN_WAIT_1', 'CLOSING')
        self.segment(0, 'ACK', J + 2, K + 2)
        self.now = self.segment(1, 'ACK', K + 2, J + 2)
        for side in (0, 1):
            self.state(side, 'CLOSING', 'TIME_WAIT')
        return self

    @property
    def text(self):
        return '# tracer: nop\n' + ''.join(line + '\n' for _, _, line in sorted(self.lines))


OPENED = 'left=CLOSED,SYN_SENT,ESTABLISHED'
ACCEPTED = 'right=LISTEN,SYN_RCVD,ESTABLISHED'


def ladder(trace, *options):
    """(status, standard output, the SVG's text or None)."""
    with tempfile.TemporaryDirectory() as folder:
        svg = os.path.join(folder, 'x.svg')
        done = subprocess.run([sys.executable, TOOL, '--svg', svg, *options], input=trace,
                              capture_output=True, text=True, check=False)
        drawing = None
        if os.path.exists(svg):
            with open(svg, encoding='utf-8') as file:
                drawing = file.read()
    return done.returncode, done.stdout, drawing


def handshake__numbers():
    status, out, _ = ladder(Trace().handshake().text, '--expect', OPENED, '--expect', ACCEPTED)
    return (status == 0 and f'SYN seq={J} (j)' in out and
            f'SYN+ACK seq={K} (k) ack={J + 1} (j+1)' in out and f'ACK ack={K + 1} (k+1)' in out)


def sequence__wraps():
    trace = Trace().handshake()
    trace.segment(0, 'ACK,PSH', J + 1, K + 1, 10)
    trace.segment(0, 'ACK,PSH', J + 11, K + 1, 10)
    return f'seq={(J + 11) % 2**32} (j+11)' in ladder(trace.text)[1]


def four_way_close__states():
    status, out, _ = ladder(
        Trace().handshake().four_way_close().text,
        '--expect', OPENED + ',FIN_WAIT_1,FIN_WAIT_2,TIME_WAIT,CLOSED',
        '--expect', ACCEPTED + ',CLOSE_WAIT,LAST_ACK,CLOSED')
    lines = out.splitlines()
    fin = next(line for line in lines if 'FIN_WAIT_1' in line)
    return status == 0 and 'FIN+ACK' in fin and '60.0 s later' in out


def four_way_close__wrong_states_fail():
    return ladder(Trace().handshake().four_way_close().text, '--expect', OPENED)[0] == 1


def simultaneous_close__arrows_are_cut():
    status, out, _ = ladder(Trace().handshake().simultaneous_close().text, '--expect',
                            OPENED + ',FIN_WAIT_1,CLOSING,TIME_WAIT')
    first, second = (next(n for n, line in enumerate(out.splitlines()) if mark in line)
                     for mark in ('FIN_WAIT_1', 'CLOSING'))
    return status == 0 and out.count('①') == 2 and out.count('②') == 2 and first < second


def segment__lost_and_sent_again():
    trace = Trace().handshake()
    trace.segment(0, 'ACK,PSH', J + 1, K + 1, 10, lost=True)
    trace.now += 0.2
    trace.segment(0, 'ACK,PSH', J + 1, K + 1, 10)
    out = ladder(trace.text)[1]
    return out.count('✗') == 1 and out.count('lost') == 1 and out.count('resent') == 1


def segment__recut_on_the_way_is_not_lost():
    trace = Trace().handshake()
    trace.segment(0, 'ACK,PSH', J + 1, K + 1, 2000, lost=True)
    for seq in (J + 1, J + 1001):
        trace.event(trace.now + FLIGHT, f'xtcp_rcv: netns=2 src={CLIENT} dst={SERVER} flags=ACK '
                    f'seq={seq % 2**32} ack={K + 1} win=5 len=1000')
    return '✗' not in ladder(trace.text)[1]


def connection__port_pair_used_again():
    trace = Trace().handshake().four_way_close()
    trace.now += 100
    trace.state(0, 'CLOSED', 'SYN_SENT')
    trace.segment(0, 'SYN', J + 5000)
    status, out, _ = ladder(trace.text, '--list')
    return status == 0 and len(out.splitlines()) == 2


def connection__chosen_by_flow():
    other = Trace('10.0.0.3:1', '10.0.0.4:2').handshake()
    out = ladder(Trace().handshake().text + other.text, '--flow', '10.0.0.4:2')[1]
    return '10.0.0.3:1' in out and CLIENT not in out


def connection__mapped_address_is_the_same_peer():
    text = Trace().handshake().text.replace(f'xtcp_state: netns=2 family=AF_INET src={SERVER}',
                                            'xtcp_state: netns=2 family=AF_INET6 '
                                            'src=[::ffff:10.0.0.2]:80')
    return ladder(text, '--expect', ACCEPTED)[0] == 0


def connection__without_a_port_yet():
    text = Trace().handshake().text.replace(
        f'src={CLIENT} dst={SERVER} old=CLOSED', 'src=0.0.0.0:0 dst=0.0.0.0:0 old=CLOSED')
    return ladder(text, '--expect', OPENED)[0] == 0


def connection__none_in_the_trace():
    return ladder('nothing of that kind\n')[0] == 1


def svg__is_well_formed():
    for trace in (Trace().handshake().four_way_close(), Trace().handshake().simultaneous_close()):
        drawing = ladder(trace.text, '--title', 'a < b & c')[2]
        document = xml.dom.minidom.parseString(drawing)
        if len(document.getElementsByTagName('line')) < 7 or 'prefers-color-scheme' not in drawing:
            return False
    return True


def svg__time_runs_downwards():
    drawing = ladder(Trace().handshake().four_way_close().text)[2]
    lines = xml.dom.minidom.parseString(drawing).getElementsByTagName('line')
    return all(float(a.getAttribute('y1')) < float(a.getAttribute('y2')) for a in lines)


CASES = [handshake__numbers, sequence__wraps, four_way_close__states,
         four_way_close__wrong_states_fail, simultaneous_close__arrows_are_cut,
         segment__lost_and_sent_again, segment__recut_on_the_way_is_not_lost,
         connection__port_pair_used_again, connection__chosen_by_flow,
         connection__mapped_address_is_the_same_peer, connection__without_a_port_yet, connection__none_in_the_trace,
         svg__is_well_formed, svg__time_runs_downwards]


def main():
    print('TAP version 13')
    print(f'1..{len(CASES)}')
    failed = 0
    for number, case in enumerate(CASES, 1):
        passed = case()
        failed += not passed
        print(f'{"ok" if passed else "not ok"} {number} ladder__{case.__name__}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
