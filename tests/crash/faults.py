"""Failing and torn file operations, full disks: an honest end, then resume."""

import os
import subprocess

import walk
import world as w

WORDS = {"EIO": "Input/output error", "ENOSPC": "No space left on device"}


def untouched(world):
    fresh = {"ledger": [], "by-hand": [], "releases": ["v1"], "flag": True}
    now = world.effects()
    return all(now[name] == fresh[name] for name in fresh)


def check_word(world, status, output, journal, reason):
    """The exit status says what production is like, and why."""
    assert status in (0, 2, 7, 8), f"exit {status}: {output}"
    if status:
        assert reason in output, f"exit {status} without a reason: {output}"
    if status == 2:
        assert untouched(world), f"exit 2, but {world.effects()}"
    if status == 8:
        assert journal.open_writes(), output
    if status == 0:
        assert journal.sealed, output


def after_failure(world, status, output, wanted, reason):
    """The disk is fine again."""
    runs = world.runs()
    if not runs:
        assert status == 2 and reason in output, (status, output)
        assert untouched(world)
        return
    run = runs[0]
    journal = w.Journal(world.directory(run))
    check_word(world, status, output, journal, reason)
    if not journal.records:
        walk.never_started(world, run)
        assert untouched(world)
        return
    walk.says(world, run, journal.state())
    journal.check()
    if journal.sealed:
        assert world.effects() == wanted["effects"]
        return
    walk.after(world, run, wanted)


def fail_one(world, wanted, fault, reason):
    world.renew()
    status, output = world.start(fault=fault)
    after_failure(world, status, output, wanted, reason)


def fails(wanted, kind, number, from_here):
    """Point `number` fails, alone or with all writing ones behind it."""
    where = "FAIL_FROM" if from_here else "FAIL_AT"
    return {where: number, "ERRNO": kind}, WORDS[kind]


def cases(wanted):
    points = wanted["points"]
    writing = {"open", "write", "datasync", "sync", "allocate", "rename",
               "mkdir"}
    for number, name, detail in points:
        what = f"{number} {name} {detail[-40:]}"
        for kind in WORDS:
            # A close or an unlink that fails is nobody's loss.
            if name not in ("moment", "close", "unlink"):
                yield f"{kind} at {what}", fails(wanted, kind, number, False)
        if name in writing:
            yield f"full from {what}", fails(wanted, "ENOSPC", number, True)
    flushes = sum(name in ("datasync", "sync") for _, name, _ in points)
    for number in range(1, flushes + 1):
        yield f"flush {number}", ({"SYNC_FAIL_AT": number}, WORDS["EIO"])


def fail_all(wanted):
    """Each file operation fails; each flush; the disk is full from there."""
    found = dict(cases(wanted))

    def job(world, name):
        fault, reason = found[name]
        fail_one(world, wanted, fault, reason)

    return f"{len(found)} failures", walk.each(found, job)


def tear_all(wanted):
    """Each write is torn half-way, and the engine killed."""
    numbers = [n for n, name, _ in wanted["points"] if name == "write"]

    def job(world, number):
        walk.one(world, (), wanted, {"TEAR_AT": number})

    return f"{len(numbers)} torn writes", walk.each(numbers, job)


def mount(path, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs",
                    path], check=True)


def full_disk(wanted):
    """A real file system that is full, at whatever point its size makes."""
    if os.geteuid() != 0:
        return "no root, no file system of its own", []
    sizes = [4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 1024, 4096]

    def job(world, size):
        world.renew()
        os.mkdir(world.state)
        mount(world.state, size)
        try:
            status, output = world.start()
            if size < 64 or size > 512:
                assert (status != 0) == (size < 64), \
                    f"{size} KiB: {status} {output}"
            subprocess.run(["mount", "-o", "remount,size=8192k", world.state],
                           check=True)
            if status:
                after_failure(world, status, output, wanted,
                              WORDS["ENOSPC"])
        finally:
            subprocess.run(["umount", world.state], check=True)

    return f"{len(sizes)} sizes", walk.each(sizes, job)
