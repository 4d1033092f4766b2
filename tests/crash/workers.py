"""A worker that dies is reported as what it was, and changes nothing more."""

import os
import shutil

import walk
import world as w

# Not while the plan is made: nobody agrees to a plan that fails.
REAL = "  if one.output ~= '(known after apply)' then\n%s  end\n"
LOOP = REAL % "  while true do end\n"
MEMORY = REAL % "  local t = {}\n  for i = 1, 1e9 do t[i] = { i } end\n"

BOOK = """
runbook {
  service = "shop", summary = "It breaks down", objective = "1m",
  uses = { "command.run", "flag.set" },
}
function run()
  local one = command.run { command = "probed", args = { "one" } }
%s
  flag.set { flag = "new", on = false }
end
"""

# What happens behind the first answer: the text of the runbook, what the
# test's own worker does instead (tests/tools/bad_worker.c), what is said.
DEATHS = {
    "instructions": (LOOP, None, "limit instructions"),
    "memory": (MEMORY, None, "limit memory"),
    "crash": ("", "crash", "the worker crashed (signal 6)"),
    "violation": ("", "violation", "forbidden system call"),
    "garbage": ("", "garbage", "the worker was ended"),
    "silence": ("", "exit", "ended without saying how"),
    "a frame out of order": ("", "order", "the worker was ended"),
}


def beside_bad_worker(world, how):
    """rbrun in a directory of its own, with the test's worker beside it."""
    place = world.top + "/bin"
    shutil.rmtree(place, ignore_errors=True)
    os.mkdir(place)
    shutil.copy(w.RBRUN, place + "/rbrun")
    shutil.copy(w.BUILD + "/tests/bad-worker", place + "/rbrun-worker")
    for name in os.listdir(w.BUILD):
        if name.startswith("rbrun-") and name != "rbrun-worker":
            path = f"{w.BUILD}/{name}"
            if os.path.isfile(path):
                os.symlink(path, f"{place}/{name}")
    os.symlink(w.BUILD + "/rbrun-worker", place + "/real-worker")
    w.write(place + "/how", how)
    return place + "/rbrun"


def dies(world, name):
    text, how, words = DEATHS[name]
    world.renew()
    w.write(world.file, BOOK % text)
    limits = 'limits = { instructions = 20000000, memory = 33554432 },\n'
    with open(world.environment) as file:
        whole = file.read()
    w.write(world.environment, whole.replace("  grants", "  " + limits +
                                             "  grants"))
    try:
        check_death(world, how, words)
    finally:
        w.write(world.environment, whole)
        w.write(world.file, w.RUNBOOK)


def check_death(world, how, words):
    program = beside_bad_worker(world, how) if how else None
    status, output = world.start(program=program)
    assert words in output, f"no '{words}' in: {output}"
    assert status == 7, f"exit {status}: {output}"
    run = world.runs()[0]
    journal = w.Journal(world.directory(run))
    journal.check()
    assert world.effects()["ledger"] == ["one"], world.effects()
    assert world.effects()["flag"] is True
    if journal.sealed:
        assert journal.records[-1]["ended"] == "broken"
        return
    # A crash may have been this machine's: resume may go on.
    walk.says(world, run, "interrupted")
    status, output = world.call("resume", run)
    assert status == 0, output
    assert world.effects()["ledger"] == ["one"], world.effects()
    assert world.effects()["flag"] is False


def all_deaths():
    return f"{len(DEATHS)} deaths", walk.each(DEATHS, dies)
