"""What the show prints: headings, the commands with what they say, and the counter of writes."""

import contextlib
import fcntl
import os
import shlex
import struct
import subprocess
import sys
import termios
import time

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text):
    print("\n" + (f"\033[1m== {text}\033[0m" if COLOUR else f"== {text}"), flush=True)


def clock(moment):
    return time.strftime("%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 10) % 10}"


@contextlib.contextmanager
def outputs():
    """(what a command writes to, where that is read): a terminal where we have one, so that it looks as it does there."""
    if sys.stdout.isatty():
        ours, theirs = os.openpty()
        size = fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        settings = termios.tcgetattr(theirs)
        settings[1] &= ~termios.OPOST  # the real one does that
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
    else:
        ours, theirs = os.pipe()
    try:
        yield theirs, ours
    finally:
        os.close(ours)


def chunks(source):
    with contextlib.suppress(OSError):  # a terminal that nobody writes to any more
        while part := os.read(source, 65536):
            yield part


def without_table(parts):
    """A plan's table of steps is a screen: it is left out of what is said before the run begins."""
    rest, inside, begun = b"", False, False
    for part in parts:
        if begun:
            yield part
            continue
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            begun = begun or line.startswith(b"Run ")
            inside = inside or (not begun and b"STEP " in line[:12])
            if not inside or begun:
                yield line + b"\n"
            inside = inside and line != b""
        if begun:
            yield rest
            rest = b""
    yield rest


def run(w, *words, table=True, good=True):
    """The command as a person types it, and all it says, as it says it: its exit code."""
    print(f"$ drorch {shlex.join(words)}", flush=True)
    with outputs() as (theirs, ours):
        process = subprocess.Popen(w.command(*words), stdin=subprocess.DEVNULL, stdout=theirs, env=w.environment)
        os.close(theirs)
        parts = chunks(ours)
        for part in parts if table else without_table(parts):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
        code = process.wait(timeout=60)
    if good and code:
        raise subprocess.CalledProcessError(code, f"drorch {shlex.join(words)}")
    return code


def count(writers, seconds):
    """So long, the acknowledged writes as they come: a line that changes, or one a second where nothing can."""
    end, shown = time.time() + seconds, ""
    while time.time() < end:
        good = writers.good()
        last = [a for a in good if a.ended > time.time() - 1]
        shown = f"  {len(good):6d} writes acknowledged, {len(last):4d}/s, by {good[-1].site if good else 'nobody'}"
        if sys.stdout.isatty():
            print(f"\r{shown}\033[K" if os.environ.get("TERM") != "dumb" else f"\r{shown}", end="", flush=True)
        else:
            print(shown, flush=True)
        time.sleep(0.1 if sys.stdout.isatty() else 1)
    if sys.stdout.isatty():
        print(flush=True)


def table(head, rows):
    widths = [max(len(str(row[k])) for row in [head, *rows]) for k in range(len(head))]
    for row in [head, *rows]:
        cells = [str(cell).rjust(width) if k > 1 else str(cell).ljust(width)
                 for k, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
