"""One process whose Nth allocation fails, and what its end has to be like."""

import os
import re
import shutil
import struct
import subprocess

import world as w

STARVED = w.BUILD + "/tests/rbrun-starved"

# Whoever reports it, the C library, a client library or ours, says one of
# these.
WORDS = re.compile(
    r"out of memory|no memory|cannot allocate|no more memory|"
    r"not enough memory|memory exhausted|memory is used up|"
    r"shortage of memory", re.I)


def said(output):
    return WORDS.search(output)


def told(path):
    """(allocations, refused, forked processes) of the last process."""
    if not os.path.exists(path):  # it has made none
        return 0, 0, 0
    with open(path, "rb") as file:
        return struct.unpack("lll", file.read(24))


def fresh(path):
    if os.path.exists(path):
        os.remove(path)
    return path


def call(world, *words, at=0, start=0, fork=0, **more):
    """Run rbrun-starved: exit status, output, what it was told."""
    path = fresh(world.top + "/told")
    settings = {"STARVE_TOLD": path, "STARVE_AT": at, "STARVE_FROM": start,
                "STARVE_FORK": fork}
    status, output = world.call(
        *words, program=STARVED,
        more={k: str(v) for k, v in settings.items()}, **more)
    assert status >= 0, f"signal {-status}: {output}"
    assert status != 70, f"a bug, it says: {output}"
    return status, output, told(path)


def shape(output):
    """An output without what moves from run to run."""
    # A library that is loaded tells of itself, and then is not used.
    output = re.sub(r"Error in GnuTLS initialization: .*\n", "", output)
    return re.sub(r"\d+(\.\d+)?(ms|m?s|h|m)?|[0-9A-F]{4}\b", "#", output)


def clean(status, output):
    """A refusal for want of memory: what, state, next command."""
    assert said(output), f"exit {status}, and no word of memory: {output}"
    assert "next:" in output or '"next":' in output, \
        f"no next command: {output}"


def kit(world, **instead):
    """rbrun in a directory of its own; other programs where named."""
    place = world.top + "/kit"
    shutil.rmtree(place, ignore_errors=True)
    os.mkdir(place)
    shutil.copy(w.RBRUN, place + "/rbrun")
    for name in os.listdir(w.BUILD):
        path = f"{w.BUILD}/{name}"
        if name.startswith("rbrun-") and os.path.isfile(path):
            os.symlink(path, f"{place}/{name}")
    for name, other in instead.items():
        name = "rbrun-" + name if name != "reader_ask" else "reader-ask"
        if os.path.lexists(f"{place}/{name}"):
            os.remove(f"{place}/{name}")
        shutil.copy(f"{w.BUILD}/tests/{other}", f"{place}/{name}")
    return place


def starve_kit(place, at):
    """Its worker, or reader, gets no memory at that point."""
    with open(place + "/starve", "w") as file:
        file.write(f"STARVE_AT={at}\nSTARVE_TOLD={fresh(place + '/told')}\n")


def reader(place, role, options, text):
    """reader-ask of that kit: exit status, answer."""
    done = subprocess.run([place + "/reader-ask", role, options], input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60)
    return done.returncode, done.stdout.decode("utf-8", "replace")
