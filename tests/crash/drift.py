"""The program changed between the crash and the resume."""

import json

import walk
import world as w

DEPLOY = '  deploy.release { target = "app", version = "v2" }\n'

# What is edited, from what, to what: each is seen by a recorded call.
REFUSED = {
    "a completed call is renamed":
        ("  clock.now()\n", '  flag.get { flag = "new" }\n'),
    "an argument of a completed call": ('args = { "one" }',
                                        'args = { "uno" }'),
    "the call in doubt is renamed":
        (DEPLOY, '  command.run { command = "probed", args = { "v2" } }\n'),
    "an argument of the call in doubt": (DEPLOY, DEPLOY.replace("v2", "v3")),
    "a wait is inserted":
        (DEPLOY, '  wait.sleep { duration = "1ms" }\n' + DEPLOY),
    "a completed call is removed": ('  wait.sleep { duration = "10ms" }\n',
                                    ""),
    "the call in doubt is removed": (DEPLOY, ""),
    "it ends before": (DEPLOY, "  do return end\n" + DEPLOY),
    "it fails before": (DEPLOY, '  error "no"\n' + DEPLOY),
}

# These do not even come to compare a call.
BROKEN = {
    "another service": ('service = "shop"', 'service = "other"', "service"),
    "a syntax error": (DEPLOY, "  end end\n", "all.lua"),
    "it eats memory": (DEPLOY,
                       "  local t = {} for i = 1, 1e9 do t[i] = {} end\n",
                       "limit memory"),
}


def killed_before_deploy(world, wanted):
    """A run that was killed with the deployment in doubt, not applied."""
    world.renew()
    point = [n for n, name, detail in wanted["points"]
             if (name, detail) == ("moment", "durable")][-3]
    status, output = world.start(fault={"KILL_AT": point})
    assert status == -9, output
    run = world.runs()[0]
    said = walk.says(world, run, "in doubt")
    assert "deploy.release" in said["question"], said
    return run


def edited(world, old, new):
    assert w.RUNBOOK.count(old) == 1, old
    path = world.top + "/edited/all.lua"
    world.write_edited(path, w.RUNBOOK.replace(old, new))
    return path


def refused(world, wanted, old, new, words):
    run = killed_before_deploy(world, wanted)
    journal = world.directory(run) + "/journal.ndjson"
    before = open(journal, "rb").read()
    status, output = world.call("resume", run, "--program",
                                edited(world, old, new))
    # What the dead process did stands, and its last write is in doubt; 7,
    # when the worker breaks down.
    assert status in (7, 8), f"exit {status}: {output}"
    for word in words:
        assert word in output, f"no '{word}' in: {output}"
    assert open(journal, "rb").read() == before, "the journal has changed"
    assert world.effects()["releases"] == ["v1"], world.effects()
    # The refused program has left no trace.
    walk.after(world, run, wanted)


def refuse_all(wanted):
    found = {name: (old, new, ("recorded:", "now:"))
             for name, (old, new) in REFUSED.items()}
    found.update({name: (old, new, (word,))
                  for name, (old, new, word) in BROKEN.items()})

    def job(world, name):
        refused(world, wanted, *found[name])

    return f"{len(found)} edits", walk.each(found, job)


def on_disk(world, wanted):
    """The stored program goes on, whatever became of the file."""
    for text in ("this is no Lua\n", None):
        run = killed_before_deploy(world, wanted)
        if text is None:
            world.remove_file()
        else:
            w.write(world.file, text)
        try:
            walk.after(world, run, wanted)
        finally:
            w.write(world.file, w.RUNBOOK)


def mail_text(world):
    return b"".join(body for _, body in world.mails).decode()


def accepted(world, wanted):
    """A change behind the executed part goes on, and is recorded."""
    run = killed_before_deploy(world, wanted)
    status, output = world.call("resume", run, "--program", edited(
        world, "all of it is done", "edited and done"))
    assert status == 0, output
    journal = w.Journal(world.directory(run))
    journal.check()
    note = journal.notes("resumed")[0]
    assert note["program"]["runbook"]["sha256"], note
    assert "edited and done" in mail_text(world), mail_text(world)
    status, output = world.call("replay", run, "--quiet")
    assert status == 0, output


def goes_on_edited(world, wanted):
    """Killed again after that: a plain resume goes on with the new one."""
    run = killed_before_deploy(world, wanted)
    path = world.top + "/points"
    open(path, "w").close()
    file = edited(world, "all of it is done", "edited and done")
    status, output = world.call("resume", run, "--program", file,
                                fault={"COUNT": path})
    assert status == 0, output
    last = [n for n, name, detail in walk.points(path)
            if (name, detail) == ("moment", "effect")][-1]
    for number in (last - 8, last):
        run = killed_before_deploy(world, wanted)
        status, output = world.call("resume", run, "--program", file,
                                    fault={"KILL_AT": number})
        assert status == -9, output
        status, output = walk.go_on(world, run)
        assert status == 0, output
        assert "edited and done" in mail_text(world), mail_text(world)
        w.Journal(world.directory(run)).check()


def another_place(world, wanted):
    """An environment of another name has another lock: refused."""
    run = killed_before_deploy(world, wanted)
    with open(world.environment) as file:
        text = file.read()
    other = world.place + "/other.lua"
    w.write(other, text.replace('name = "test"', 'name = "other"'))
    status, output = world.call("resume", run, "--environment", other)
    assert status == 8 and "other" in output, (status, output)
    assert "is not known" in output and "untouched" not in output, output
    walk.after(world, run, wanted)


def clock_jumps(world, wanted):
    """The clock was moved while the engine was dead, in the middle of a wait:
    the run ends as it would have, and does not wait longer."""
    waits = [r["n"] for r in wanted["journal"].of("intent")
             if r["effect"] == "wait"]
    durable = [n for n, name, detail in wanted["points"]
               if (name, detail) == ("moment", "durable")]
    for hours in (-1000, -1, 1, 1000):
        world.renew()
        status, output = world.start(fault={"KILL_AT": durable[3] + 1})
        assert status == -9, output
        run = world.runs()[0]
        journal = w.Journal(world.directory(run))
        assert journal.records[-1]["n"] == waits[0], journal.records[-1]
        rewrite(journal, hours * 3600000)
        walk.says(world, run, "interrupted")
        walk.after(world, run, wanted)


def rewrite(journal, shift):
    """The same journal, written while the clock was off by shift ms."""
    import hashlib
    lines, last = [], "0" * 64
    for line, r in zip(journal.lines, journal.records):
        text = line.decode()
        text = text.replace(f'"at":{r["at"]}', f'"at":{r["at"] + shift}', 1)
        text = text.replace(r["prev"], last, 1)
        assert json.loads(text)["at"] == r["at"] + shift
        last = hashlib.sha256(text.encode()).hexdigest()
        lines.append(text + "\n")
    with open(journal.path, "w") as file:
        file.write("".join(lines))


STORIES = {f.__name__: f for f in (on_disk, accepted, goes_on_edited,
                                   another_place, clock_jumps)}


def stories(wanted):
    def job(world, name):
        STORIES[name](world, wanted)

    return f"{len(STORIES)} stories", walk.each(STORIES, job)
