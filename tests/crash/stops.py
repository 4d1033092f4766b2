"""Ctrl-C, SIGTERM and a second run, at every point."""

import os
import signal
import subprocess
import time

import walk
import world as w


def undone(world):
    """Whatever was done has been taken back, as far as there is a way."""
    e = world.effects()
    assert e["flag"] is True, e
    assert e["releases"][-1] == "v1", e
    # Each undo step is registered before its write: it runs even when the
    # write was never sent.
    assert ("one" not in e["ledger"]) or ("back" in e["ledger"]), e
    assert ("made" not in e["by-hand"]) or ("unmade" in e["by-hand"]), e


def ended_stopped(world, status, output, meant):
    run = world.runs()[0]
    journal = w.Journal(world.directory(run))
    assert journal.sealed, output
    journal.check()
    walk.check_targets(world, journal)
    end = journal.records[-1]
    if end["ended"] == "finished":
        assert status == 0, f"exit {status}: {output}"
        return
    # A write without an undo step stands: a person is needed.
    assert status == (7 if end["uncovered"] else meant), \
        f"exit {status}: {output}"
    assert end["exit"] == status, (status, end)
    undone(world)
    status, output = world.call("replay", run, "--quiet")
    assert status == 0, output


def first_points(wanted):
    """From the run's own first record on."""
    begin = next(n for n, name, detail in wanted["points"]
                 if (name, detail) == ("moment", "approval"))
    return [n for n, name, _ in wanted["points"]
            if n > begin and name in ("moment", "write", "datasync")]


def stop_once(world, number, word):
    world.renew()
    status, output = world.start(
        fault={"STOP_AT": number, "SIGNAL": int(word)})
    meant = 130 if word == signal.SIGINT else 143
    if status == 8:  # what was under way has to be looked at first
        status, output = walk.go_on(world, world.runs()[0])
    ended_stopped(world, status, output, meant)


def stop_all(wanted, word):
    """One signal: what is under way ends, the rest is undone."""
    numbers = first_points(wanted)

    def job(world, number):
        stop_once(world, number, word)

    return f"{len(numbers)} points", walk.each(numbers, job)


def stop_twice(wanted):
    """A second Ctrl-C leaves everything at once; resume takes it up."""
    pairs = [(n, n + more) for n in first_points(wanted)
             for more in (1, 7)]

    def job(world, pair):
        world.renew()
        status, output = world.start(
            fault={"STOP_AT": pair[0], "AGAIN_AT": pair[1]})
        run = world.runs()[0]
        journal = w.Journal(world.directory(run))
        if not journal.sealed:
            assert status in (130, 8), f"exit {status}: {output}"
            walk.says(world, run, journal.state())
            assert run in output, output
            status, output = walk.go_on(world, run)
        ended_or_undone(world, status, output)

    return f"{len(pairs)} pairs", walk.each(pairs, job)


def ended_or_undone(world, status, output):
    """Left before the stop was recorded, a resumed run just goes on."""
    journal = w.Journal(world.directory(world.runs()[0]))
    journal.check()
    assert journal.sealed, output
    walk.check_targets(world, journal)
    if journal.records[-1]["ended"] == "stopped":
        undone(world)
        assert status in (130, 7), f"exit {status}: {output}"
    else:
        assert status == 0, f"exit {status}: {output}"


def stop_then_kill(wanted):
    """Killed while it undoes: resume goes on with the undoing."""
    pairs = [(n, n + more) for n in first_points(wanted)
             for more in (6, 12, 19)]

    def job(world, pair):
        world.renew()
        status, output = world.start(fault={
            "STOP_AT": pair[0], "SIGNAL": int(signal.SIGTERM),
            "KILL_AT": pair[1]})
        run = world.runs()[0]
        journal = w.Journal(world.directory(run))
        journal.check()
        walk.says(world, run, journal.state())
        if status == -9 and not journal.sealed:
            stopped = bool(journal.notes("interrupt"))
            status, output = walk.go_on(world, run)
            journal = w.Journal(world.directory(run))
            assert journal.sealed, output
            assert not stopped or \
                journal.records[-1]["ended"] == "stopped", output
            if stopped:
                ended_stopped(world, status, output, 143)
                return
        if status != -9:
            ended_or_undone_term(world, run, status, output)

    return f"{len(pairs)} pairs", walk.each(pairs, job)


def ended_or_undone_term(world, run, status, output):
    if status == 8:
        status, output = walk.go_on(world, run)
    journal = w.Journal(world.directory(run))
    journal.check()
    walk.check_targets(world, journal)
    assert status in (0, 7, 143), f"exit {status}: {output}"


BLOCKED = """
runbook {
  service = "shop", summary = "One command that waits", objective = "1m",
  uses = { "command.run" },
}
function run()
  command.run { command = "probed", args = { "one" } }
end
"""

HOLD = '#!/bin/sh\n: >"${0%/*}/begun"; read -r _ <"${0%/*}/gate"\n' \
    'echo "$2 $3" >>"${0%/*}/ledger"\n'


def await_file(path, limit=20):
    end = time.monotonic() + limit
    while not os.path.exists(path):
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.005)


def start_blocked(world):
    """An engine whose driver process waits at a gate."""
    world.renew()
    w.write(world.file, BLOCKED)
    w.write(world.place + "/append", HOLD, 0o700)
    gate = world.place + "/gate"
    for name in ("gate", "begun"):
        if os.path.exists(f"{world.place}/{name}"):
            os.remove(f"{world.place}/{name}")
    os.mkfifo(gate)
    process = subprocess.Popen(
        [w.RBRUN, "run", world.file, "--yes"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "RBRUN_STATE": world.state,
             "HOME": world.top, "RBRUN_ENVIRONMENT": world.environment})
    await_file(world.place + "/begun")
    return process, world.runs()[0]


def open_gate(world):
    with open(world.place + "/gate", "w") as file:
        file.write("go\n")


def two_at_once(world):
    """The second is refused and changes nothing; the first ends well."""
    process, run = start_blocked(world)
    walk.says(world, run, "running")
    for words in (("run", world.file, "--yes"), ("resume", run),
                  ("resolve", run, "1", "applied", "--because", "x")):
        status, output = world.call(*words)
        assert status == 6 and run in output, (words, status, output)
    assert len(world.runs()) == 1
    open_gate(world)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert len(world.effects()["ledger"]) == 1


def free_after_kill(world):
    """kill -9 while a driver process works: no lease to wait out."""
    process, run = start_blocked(world)
    process.kill()
    begin = time.monotonic()
    process.communicate(timeout=30)
    walk.says(world, run, "in doubt")
    w.write(world.place + "/append", "#!/bin/sh\n" + w.SCRIPTS["append"],
            0o700)
    status, output = walk.go_on(world, run)
    assert status == 0, output
    took = time.monotonic() - begin
    assert took < 5, f"{took:.1f} s until the resumed run had ended"
    assert len(world.effects()["ledger"]) == 1, world.effects()
    journal = w.Journal(world.directory(run))
    journal.check()
    # And a new run, not only the resumed one, gets the lock at once.
    process, _ = start_blocked(world)
    process.kill()
    process.communicate(timeout=30)
    w.write(world.place + "/append", "#!/bin/sh\n" + w.SCRIPTS["append"],
            0o700)
    status, output = world.call("run", world.file, "--yes")
    assert status == 0, output


def looked_at(world):
    """Somebody who looks all the time does not keep a run from starting."""
    world.renew()
    w.write(world.file, BLOCKED)
    w.write(world.place + "/append", "#!/bin/sh\n" + w.SCRIPTS["append"],
            0o700)
    status, output = world.call("run", world.file, "--yes")
    assert status == 0, output
    look = subprocess.Popen(
        ["sh", "-c", f"while '{w.RBRUN}' history >/dev/null; do :; done"],
        env={"PATH": os.environ["PATH"], "RBRUN_STATE": world.state})
    try:
        for _ in range(25):
            status, output = world.call("run", world.file, "--yes")
            assert status == 0, output
    finally:
        look.kill()
        look.wait()


LOCKS = {f.__name__: f for f in (two_at_once, free_after_kill, looked_at)}


def locks(_):
    def job(world, name):
        try:
            LOCKS[name](world)
        finally:
            w.write(world.file, w.RUNBOOK)
            w.write(world.place + "/append",
                    "#!/bin/sh\n" + w.SCRIPTS["append"], 0o700)

    return f"{len(LOCKS)} stories", walk.each(LOCKS, job)
