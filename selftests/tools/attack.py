#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo's SYN flood: what it claims is checked, and its picture and sentences say what was."""

import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import xml.dom.minidom

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts/demo.d')
BEGUN, ENDED, END = 4.0, 14.0, 19.0
BACKLOG = 64
OPTIONS = {'mss': 1380, 'timestamps': True, 'sack': True, 'wscale': 7}
PLAIN = dict(OPTIONS, timestamps=False)
LOST = {'mss': 1300, 'timestamps': False, 'sack': False, 'wscale': None}


def load(name):
    """A script of the demo as a module; its name has no suffix."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, DEMO)
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(DEMO, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def make_side(name, under):
    """A side to which happened what should; clients with timestamps agreed on UNDER."""
    samples = []
    for number in range(int(4 * END) + 1):
        time = number / 4
        syns = int(2000 * min(max(time - BEGUN, 0), ENDED - BEGUN))
        samples.append({'time': time, 'half_open': BACKLOG + 1 if time > BEGUN else 0, 'syns': syns,
                        'syn_bytes': 60 * syns, 'answers': syns, 'answer_bytes': 60 * syns,
                        'cookies': max(syns - 65, 0), 'cookies_back': syns // 100})
    clients = []
    for number in range(int(20 * END)):
        start, modern = number / 20, number % 2 == 0
        during = BEGUN <= start < ENDED
        agreed = (under if during else OPTIONS) if modern else LOST if during else PLAIN
        clients.append({'kind': 'modern' if modern else 'plain', 'start': start, 'connect_ms': 21.5,
                        'answer_ms': 43.0, 'agreed': agreed, 'error': None})
    counters = dict.fromkeys(('DropHalfopenFull', 'DropListenOverflow', 'DropListenNoRoute',
                              'DropListenNoMemory', 'DropListenRace', 'DropListenClosed'), 0)
    counters.update(SynRcvd=20380, HalfopenAdded=245, SyncookiesSent=20135, SyncookiesRecv=200)
    return {'name': name, 'backlog': BACKLOG, 'bound': BACKLOG + 1, 'listed': 65, 'flood': 20000,
            'cpu_us': 800000, 'entry_bytes': 128 if name == 'xtcp' else 304,
            'samples': samples, 'clients': clients, 'counters': counters}


def make_result():
    return {'begun': BEGUN, 'ended': ENDED, 'end': END, 'sides': [
        make_side('xtcp', OPTIONS), make_side('tcp', dict(OPTIONS, mss=1300))]}


ATTACK = load('attack')


def complaint(result):
    """What the demo would fail with, or None."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            ATTACK.check(result)
    except ATTACK.Failed as failure:
        return str(failure)
    return None


def spoilt(change):
    """The complaint about a run in which something of xtcp's was not as it should."""
    result = copy.deepcopy(make_result())
    change(result['sides'][0])
    return complaint(result)


def picture(result):
    """(what the terminal shows, the SVG's text)."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = (os.path.join(folder, name) for name in ('x.json', 'x.svg'))
        with open(source, 'w', encoding='utf-8') as file:
            json.dump(result, file)
        done = subprocess.run([sys.executable, os.path.join(DEMO, 'attack-picture'), source, target],
                              capture_output=True, text=True, check=True)
        with open(target, encoding='utf-8') as file:
            return ' '.join(done.stdout.split()), file.read()


def claims__all_is_well():
    return complaint(make_result()) is None


def claims__bound_exceeded():
    def change(side):
        side['samples'][40]['half_open'] = BACKLOG + 2
    return '66 half-open' in (spoilt(change) or '')


def claims__nothing_listed():
    return 'ss listed 0' in (spoilt(lambda side: side.update(listed=0)) or '')


def claims__no_cookies():
    return 'cookies' in (spoilt(lambda side: side['counters'].update(SyncookiesSent=0)) or '')


def claims__counters_do_not_add_up():
    return 'accounted' in (spoilt(lambda side: side['counters'].update(SynRcvd=20381)) or '')


def claims__one_client_not_served():
    def change(side):
        side['clients'][100].update(error='no answer', agreed=None, answer_ms=None)
    return '1 honest client' in (spoilt(change) or '')


def claims__options_lost():
    def change(side):
        side['clients'][100]['agreed'] = dict(OPTIONS, mss=1300)
    return 'differ' in (spoilt(change) or '')


def claims__hardly_an_attack():
    return 'no attack' in (spoilt(lambda side: side.update(flood=6000)) or '')


def picture__is_well_formed():
    document = xml.dom.minidom.parseString(picture(make_result())[1])
    dots = [e for e in document.getElementsByTagName('circle')]
    return len(document.getElementsByTagName('polyline')) == 8 and len(dots) == 2 * 20 * END


def picture__one_side_alone():
    result = make_result()
    del result['sides'][0]
    said, drawing = picture(result)
    return 'xtcp' not in said and xml.dom.minidom.parseString(drawing) is not None


def picture__failed_client_is_crossed_out():
    result = make_result()
    result['sides'][1]['clients'][100].update(error='no answer', connect_ms=None, agreed=None)
    said, drawing = picture(result)
    return (drawing.count('class="failed"') == 1 and '199 of 200' in said and
            "the kernel's TCP served not all honest clients" in said and
            'xtcp served every honest client' in said)


def sentences__both_held():
    return 'Both served every honest client' in picture(make_result())[0]


def sentences__what_was_lost():
    said = picture(make_result())[0]
    return ("with the kernel's TCP: born under attack it has an MSS of 1300 instead of 1380." in said
            and 'timestamps, with xtcp: born under attack it is like any other.' in said and
            'without timestamps, with both: born under attack it has an MSS of 1300' in said)


CASES = [claims__all_is_well, claims__bound_exceeded, claims__nothing_listed, claims__no_cookies,
         claims__counters_do_not_add_up, claims__one_client_not_served, claims__options_lost,
         claims__hardly_an_attack, picture__is_well_formed, picture__one_side_alone,
         picture__failed_client_is_crossed_out, sentences__both_held, sentences__what_was_lost]


def main():
    print('TAP version 13')
    print(f'1..{len(CASES)}')
    failed = 0
    for number, case in enumerate(CASES, 1):
        passed = case()
        failed += not passed
        print(f'{"ok" if passed else "not ok"} {number} attack__{case.__name__}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
