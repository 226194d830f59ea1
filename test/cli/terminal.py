"""Runs a command in a terminal of its own: terminal.py ROWS COLUMNS COMMAND...

What the command writes comes out here. Each line that goes in is an order: `key N` types the character of that number,
`size ROWS COLUMNS` changes the window. Ends as the command ends; 128 + N where signal N killed it.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


rows, columns, *command = sys.argv[1:]
ready, go = os.pipe()
child, terminal = pty.fork()
if child == 0:
    os.read(ready, 1)  # until the window has its size
    os.execvp(command[0], command)
resize(terminal, int(rows), int(columns))
os.write(go, b"x")

orders, inputs = b"", [terminal, 0]
while True:
    readable, _, _ = select.select(inputs, [], [])
    if 0 in readable:
        got = os.read(0, 4096)
        if not got:
            inputs.remove(0)
        *lines, orders = (orders + got).split(b"\n")
        for what, *numbers in (line.split() for line in lines):
            if what == b"key":
                os.write(terminal, bytes([int(numbers[0])]))
            else:
                resize(terminal, *map(int, numbers))
                os.kill(child, signal.SIGWINCH)
    if terminal in readable:
        try:
            output = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not output:
            break
        os.write(1, output)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
