# SPDX-License-Identifier: GPL-2.0-only
"""The transition table of module/core/state.c, for the scripts that look at it.

It is compiled and printed, not parsed, so what a script sees is what the module does.
"""

import os
import subprocess
import tempfile

DUMP = '''#include <stdio.h>
#include "state.h"

int main(void)
{
	for (int s = 1; s < XTCP_NR_STATES; s++)
		for (int e = 0; e < XTCP_NR_EVENTS; e++) {
			const struct xtcp_cell *cell = xtcp_state_cell(s, e);

			printf("%s %s %d %s %#x\\n", xtcp_state_name(s), xtcp_state_event_name(e),
			       cell->verdict, xtcp_state_name(cell->next), cell->actions);
		}
	return 0;
}
'''

VERDICTS = ('forgotten', 'go', 'spawn', 'ignore', 'bug')


def dump_table(top):
    """(state, event): (verdict, next state, action bits), of the tree at @top."""
    core = os.path.join(top, 'module/core')
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, 'dump.c')
        program = os.path.join(folder, 'dump')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(DUMP)
        subprocess.run(['cc', '-std=gnu11', f'-I{core}', f'-I{top}/selftests/unit', '-o', program,
                        source, os.path.join(core, 'state.c')], check=True)
        text = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    cells = {}
    for line in text.splitlines():
        state, event, verdict, target, actions = line.split()
        cells[state, event] = (VERDICTS[int(verdict)], target, int(actions, 16))
    return cells
