"""kill -9 at every point of a run, and what `rbrun resume` makes of it.

A point is a file operation of the engine or a moment that it names (a record
written, an effect about to leave, an answer taken). The run is killed before
each of them in turn; killed before point N+1 is killed behind point N.
"""

import concurrent.futures
import json
import os
import queue
import shutil

import world as w

JOBS = 2
TURNS = 8  # a run needs no more resumes than it has manual calls


def points(path):
    """The list of points a run had: (number, name, detail)."""
    found = []
    with open(path) as file:
        for line in file:
            number, name, *detail = line.rstrip("\n").split(" ", 2)
            found.append((int(number), name, detail[0] if detail else ""))
    return found


def count(world, *words):
    """An undisturbed run: its points, its journal, its effects, its exit."""
    world.renew()
    path = world.top + "/points"
    if os.path.exists(path):
        os.remove(path)
    status, output = world.start(*words, fault={"COUNT": path})
    journal = w.Journal(world.directory(world.runs()[0]))
    journal.check()
    return {"points": points(path), "journal": journal, "status": status,
            "effects": world.effects(), "output": output}


def check_order(list_of_points):
    """Before each write leaves, the journal holds nothing undurable."""
    dirty, durable, effects = False, False, 0
    for number, name, detail in list_of_points:
        journal = "journal.ndjson" in detail
        if name == "write" and journal:
            dirty, durable = True, False
        elif name == "datasync" and journal:
            dirty = False
        elif (name, detail) == ("moment", "durable"):
            assert not dirty, f"point {number}: called durable, but is not"
            durable = True
        elif (name, detail) == ("moment", "effect"):
            effects += durable
            durable = False
    return effects


def says(world, run, expected):
    """`rbrun status` names the state that the journal is in."""
    status, output = world.call("status", run, "--json")
    assert status == 0, f"status: exit {status}: {output}"
    said = json.loads(output)
    assert said["state"] == expected, f"status says {said}, not {expected}"
    if expected == "in doubt":
        assert said["question"].startswith("call "), said
    return said


def never_started(world, run):
    """Killed before its first record: nothing happened, status says so."""
    status, output = world.call("status", run)
    assert status == 2 and "never started" in output, (status, output)
    status, output = world.call("status")
    assert status == 0 and output == "", (status, output)
    status, output = world.call("resume", run)
    assert status == 2 and "never started" in output, (status, output)


def truth(world, intent):
    """A person looks at the target."""
    at = {"made": "by-hand", "unmade": "by-hand"}
    name = at.get((intent["request"]["args"].get("args") or [""])[0])
    assert name, f"call {intent['call']} needs a person: {intent}"
    return world.reached(name, intent["key"]) > 0


def answer_question(world, run, output):
    """Exit 8: exactly one question, which names its call."""
    said = says(world, run, "in doubt")
    journal = w.Journal(world.directory(run))
    asked = [i for i in journal.open_writes()
             if said["question"].startswith(f"call {i['call']}, ")]
    assert len(asked) == 1, f"{said} in {journal.open_writes()}"
    number = asked[0]["call"]
    assert f"call {number}, command.run" in output, output
    assert f"rbrun resolve {run} {number} applied|not-applied" in output, \
        output
    word = "applied" if truth(world, asked[0]) else "not-applied"
    status, output = world.call("resolve", run, number, word,
                                "--because", "the file says so")
    assert status == 0, output


def go_on(world, run, fault=None):
    """Resume until it has ended; a person answers what only they can."""
    for _ in range(TURNS):
        status, output = world.call("resume", run, fault=fault, timeout=30)
        fault = None
        if status == -9:  # that fault was a kill
            journal = w.Journal(world.directory(run))
            journal.check()
            said = says(world, run, journal.state())
            if said["state"] == "ended":
                return said["exit"], output
            continue
        if status != 8:
            return status, output
        answer_question(world, run, output)
    raise AssertionError(f"asked {TURNS} times: {output}")


def check_targets(world, journal):
    """No keyed or probed write reached its target twice."""
    for intent in journal.of("intent"):
        key = intent["key"]
        for name in ("ledger", "by-hand", "releases"):
            times = world.reached(name, key)
            assert times <= 1, f"{name} has call {intent['call']} {times}x"
    for inbox in (world.hooks, world.mails):
        bodies = {}
        for key, body in inbox:
            # The same key always carries the same bytes.
            assert bodies.setdefault(key, body) == body, key


def after(world, run, wanted, fault=None):
    """Everything that has to hold once a killed run has been resumed."""
    status, output = go_on(world, run, fault)
    journal = w.Journal(world.directory(run))
    assert status == wanted["status"], f"exit {status}: {output}"
    assert journal.sealed, output
    journal.check()
    check_targets(world, journal)
    assert world.effects() == wanted["effects"], world.effects()
    if not any(r.get("settled") == "not-applied" for r in journal.records):
        assert journal.story() == wanted["journal"].story(), \
            differences(journal.story(), wanted["journal"].story())
    says(world, run, "ended")
    status, output = world.call("verify", run)
    assert status == 0 and "whole" in output, output
    status, output = world.call("replay", run, "--quiet")
    assert status == 0, output


def differences(have, want):
    return "\n".join(["only here:", *sorted(set(have) - set(want)),
                      "missing:", *sorted(set(want) - set(have))])


def power_cut(world, run, path):
    """What was not flushed is gone with the machine."""
    journal = world.directory(run) + "/journal.ndjson"
    kept = 0
    for _, name, detail in points(path):
        if name == "datasync" and "journal.ndjson" in detail:
            kept = int(detail.rsplit(" ", 1)[1])
    if os.path.exists(journal) and os.path.getsize(journal) > kept:
        os.truncate(journal, kept)


def one(world, words, wanted, fault, cut=False):
    """Kill one run, look at it, resume it."""
    world.renew()
    path = world.top + "/points"
    if os.path.exists(path):
        os.remove(path)
    status, output = world.start(*words, fault={**fault, "COUNT": path})
    runs = world.runs()
    assert status == -9, f"was not killed: exit {status}: {output}"
    if not runs:
        assert not world.hooks and not world.mails
        return
    if cut:
        power_cut(world, runs[0], path)
    journal = w.Journal(world.directory(runs[0]))
    if not journal.records:
        never_started(world, runs[0])
        return
    journal.check()
    says(world, runs[0], journal.state())
    status, output = world.call("verify", runs[0])
    assert status == 0, output
    status, output = world.call("replay", runs[0], "--quiet")
    assert status == 0, output
    if journal.sealed:
        had_ended(world, runs[0])
        return
    after(world, runs[0], wanted)


def had_ended(world, run):
    """The kill came after the seal: there is nothing left to resume."""
    status, output = world.call("resume", run)
    assert status == 2 and "has ended" in output, output


def each(cases, job):
    """Run job(world, case) over two worlds; the failures, as texts."""
    worlds = queue.Queue()
    failures = []

    def work(case):
        place = worlds.get()
        try:
            job(place, case)
        except Exception as e:  # every failure is reported with its case
            failures.append(f"{case}: {type(e).__name__}: {e}")
            keep(place, case)
        finally:
            worlds.put(place)

    cases = list(cases)[::int(os.environ.get("CRASH_STRIDE", "1"))]
    opened = [w.World() for _ in range(JOBS)]
    try:
        for place in opened:
            worlds.put(place)
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(work, cases))
    finally:
        for place in opened:
            place.close()
    return failures


def keep(place, case):
    """A failed case's state, where somebody wants to look at it."""
    where = os.environ.get("CRASH_KEEP")
    if where:
        name = "".join(c if c.isalnum() else "-" for c in str(case))[:60]
        shutil.copytree(place.top, f"{where}/{name}", dirs_exist_ok=True)


def moments(wanted, *names):
    return [n for n, name, detail in wanted["points"]
            if name == "moment" and detail in names]


def kill_inside(wanted, words):
    """kill -9 while a driver process works: after so many microseconds."""
    cases = [(n, us) for n in moments(wanted, "effect")
             for us in (200, 700, 1500, 3000, 6000)]

    def job(world, case):
        world.renew()
        status, output = world.start(*words, fault={
            "KILL_AT": case[0], "KILL_AFTER": case[1]})
        if status != -9:
            assert status == wanted["status"], output
            return
        if not world.runs():  # killed while it planned
            return
        journal = w.Journal(world.directory(world.runs()[0]))
        if journal.sealed:  # it was faster than the kill
            had_ended(world, world.runs()[0])
            assert world.effects() == wanted["effects"], world.effects()
        elif journal.records:
            after(world, world.runs()[0], wanted)

    return f"{len(cases)} kills", each(cases, job)


def kill_resumed(wanted, words):
    """A resumed run is killed in turn, at every one of its moments."""
    begin = moments(wanted, "approval")[0]
    first = [n for n in moments(wanted, "effect") if n > begin]
    cases = [(n, m) for n in first for m in range(3, 75, 3)]

    def job(world, case):
        world.renew()
        status, output = world.start(*words, fault={"KILL_AT": case[0]})
        assert status == -9, output
        after(world, world.runs()[0], wanted, {"KILL_AT": case[1]})

    return f"{len(cases)} pairs", each(cases, job)
