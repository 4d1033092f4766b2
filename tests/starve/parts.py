"""The parts of the walk, by name. Each takes a Pick, and returns what it
walked and what did not hold."""

import walk
import world as w

import starved as s

FAILING = ("--input", "fail=yes")
NOBODY = "no such thing"


class Pick:
    """Which of the points 1..count are taken."""

    def __init__(self, points, every):
        self.points, self.every = points, every

    def of(self, count):
        if self.points is None:
            return list(range(1, count + 1, self.every))
        step = max(1, count // self.points)
        # Not always the same ones: some from the front, where all begins.
        return sorted({*range(1, min(4, count) + 1),
                       *range(step, count + 1, step)})


# -- commands that change nothing ----------------------------------------

def finished(world):
    """A run that has come to its end, and one that has not."""
    world.renew()
    status, output = world.start()
    assert status == 0, output
    return world.runs()[0]


def commands(world):
    run = finished(world)
    bad = world.top + "/bad.lua"
    w.write(bad, "runbook { service = 1, sumary = 2 }\nlocal x = = 3\n")
    return [
        ("help",), ("help", "deploy.release"), ("version",), ("--nonsense",),
        ("generate", "reference"), ("check", world.file), ("check", bad),
        ("plan", world.file), ("plan", world.file, "--json"),
        ("run", world.file), ("run", bad, "--yes"), ("nonsense",),
        ("run", world.file, "--yes", "--input", "fial=1"),
        ("history",), ("history", "--json"), ("status", run),
        ("show", run), ("show", run, "--json"), ("export", run),
        ("verify", run), ("verify",), ("replay", run), ("resume", run),
        ("replay", run, "--json"), ("doctor", "--environment",
                                    world.environment),
        ("show", NOBODY), ("resolve", run, "1", "applied", "--because", "x"),
    ]


def same_or_refused(world, words, usual, at):
    status, output, (_, refused, _) = s.call(world, *words, at=at)
    if not refused:
        return
    if (status, s.shape(output)) == usual:
        return
    assert status == 2, f"exit {status}: {output}"
    s.clean(status, output)


def quiet(pick):
    """Commands that change nothing: the usual output, or a refusal."""
    cases = {}
    with w.World() as place:
        for words in commands(place):
            status, output, (count, _, _) = s.call(place, *words)
            for at in pick.of(count):
                cases[f"{' '.join(words[:1] + words[2:])} {words[1:2]} {at}"
                      ] = (words, (status, s.shape(output)), at)
        failures = []
        for name, (words, usual, at) in cases.items():
            try:
                same_or_refused(place, words, usual, at)
            except AssertionError as e:
                failures.append(f"{name}: {e}")
        return f"{len(cases)} points", failures


# -- runs ------------------------------------------------------------------

def expected(*words):
    with w.World() as place:
        return walk.count(place, *words)


def check_word(world, status, output, journal):
    """The exit status says what production is like, and why."""
    assert status in (0, 1, 2, 7, 8), f"exit {status}: {output}"
    s.clean(status, output)
    made = [r for r in journal.of("result") if "ok" in r["answer"]]
    if status == 2 and "nothing was done" not in output:
        changed = {i["call"] for i in journal.of("intent")
                   if i["effect"] == "write"
                   and not i["request"]["verb"].startswith("snapshot.")}
        assert not changed & {r["call"] for r in made}, \
            f"untouched, it says: {output}"
    if status == 8:
        assert journal.open_writes() or \
            journal.records[-1]["kind"] == "result", output


def after(world, status, output, wanted, resuming=False):
    """Whatever stands there, memory is there again."""
    runs = world.runs()
    journal = w.Journal(world.directory(runs[0])) if runs else None
    if not runs or not journal.records:
        assert status == 2, f"exit {status}: {output}"
        s.clean(status, output)
        if runs:
            walk.never_started(world, runs[0])
        return
    journal.check()
    if status != wanted["status"]:
        check_word(world, status, output, journal)
    walk.says(world, runs[0], journal.state())
    code, text = world.call("verify", runs[0])
    assert code == 0 and "whole" in text, text
    if not journal.sealed:
        assert resuming or runs[0] in output, \
            f"no word of {runs[0]}: {output}"
        walk.after(world, runs[0], wanted)
        return
    walk.check_targets(world, journal)
    if journal.story() != wanted["journal"].story():
        # A driver process had no memory, and its call says so.
        assert any(s.said(str(r["answer"])) for r in journal.of("result")
                   if "err" in r["answer"]), output


def run_starved(world, words, wanted, settings):
    world.renew()
    status, output, (_, refused, _) = s.call(
        world, "run", world.file, "--yes", *words, **settings)
    if refused or status:
        after(world, status, output, wanted)


def measure(words, **settings):
    with w.World() as place:
        _, _, numbers = s.call(place, "run", place.file, "--yes", *words,
                               **settings)
    return numbers


def run_part(words, kind):
    def part(pick):
        wanted = expected(*words)
        numbers = pick.of(measure(words)[0])

        def job(world, number):
            run_starved(world, words, wanted, {kind: number})

        return f"{len(numbers)} points", walk.each(numbers, job)
    return part


def drivers(pick):
    """Each driver process in turn."""
    wanted = expected()
    forks = measure(())[2]
    cases = [(fork, at) for fork in range(1, forks + 1)
             for at in pick.of(measure((), fork=fork)[0])]
    if pick.points is not None:
        cases = cases[::max(1, len(cases) // (4 * pick.points))]

    def job(world, case):
        run_starved(world, (), wanted, {"fork": case[0], "at": case[1]})

    return f"{len(cases)} points of {forks} processes", walk.each(cases, job)


# -- resume ----------------------------------------------------------------

def killed(world, wanted):
    """A run that was killed behind its deployment, which is in doubt."""
    world.renew()
    point = [n for n, name, detail in wanted["points"]
             if (name, detail) == ("moment", "answered")][-4]
    status, output = world.start(*FAILING, fault={"KILL_AT": point})
    assert status == -9, output
    return world.runs()[0]


def usual(world, run, status, output):
    """It was not needed: the run waits for a person, as it does there."""
    return status == 8 and f"rbrun resolve {run}" in output


def resume_starved(world, wanted, at):
    run = killed(world, wanted)
    status, output, (_, refused, _) = s.call(world, "resume", run, at=at)
    if refused and usual(world, run, status, output):
        walk.after(world, run, wanted)
    elif refused:
        after(world, status, output, wanted, True)


def resume(pick):
    wanted = expected(*FAILING)
    with w.World() as place:
        run = killed(place, wanted)
        count = s.call(place, "resume", run)[2][0]
    numbers = pick.of(count)

    def job(world, number):
        resume_starved(world, wanted, number)

    return f"{len(numbers)} points", walk.each(numbers, job)


# -- the worker, and the reader --------------------------------------------

def worker_resumes(world, wanted, at):
    """Its allocations in a live run: this is one worker only."""
    place = s.kit(world, worker="worker-starved")
    run = killed(world, wanted)
    s.starve_kit(place, at)
    status, output = world.call("resume", run, program=place + "/rbrun")
    count, refused, _ = s.told(place + "/told")
    assert status >= 0, f"signal {-status}: {output}"
    if refused and usual(world, run, status, output):
        walk.after(world, run, wanted)
    elif refused:
        s.clean(status, output)
        assert "crashed" not in output, output
        after(world, status, output, wanted, True)
    return count


def worker(pick):
    wanted = expected(*FAILING)
    with w.World() as place:
        count = worker_resumes(place, wanted, 0)
    numbers = pick.of(count)

    def job(world, number):
        worker_resumes(world, wanted, number)

    return f"{len(numbers)} points", walk.each(numbers, job)


def worker_says(world, words, usual, at):
    place = s.kit(world, worker="worker-starved")
    s.starve_kit(place, at)
    status, output = world.call(*words, program=place + "/rbrun")
    count, refused, _ = s.told(place + "/told")
    if usual is None or not refused:
        return (status, s.shape(output)), count
    assert status == 2, f"exit {status}: {output}"
    if words[0] == "doctor":  # which is a list
        assert s.said(output), output
    else:
        s.clean(status, output)
    assert "crashed" not in output, output
    return None, count


def worker_loads(pick):
    """Where it loads a file, of an environment or a runbook, or plans."""
    cases = []
    with w.World() as place:
        for words in (("check", place.file), ("plan", place.file),
                      ("doctor", "--environment", place.environment)):
            usual, count = worker_says(place, words, None, 0)
            cases += [(words, usual, at) for at in pick.of(count)]
        failures = []
        for words, usual, at in cases:
            try:
                worker_says(place, words, usual, at)
            except AssertionError as e:
                failures.append(f"{words[0]} {at}: {e}")
    return f"{len(cases)} points", failures


TEXTS = {
    "metric": ('{"format":"prometheus"}',
               b'{"status":"success","data":{"resultType":"matrix","result":'
               b'[{"metric":{"a":"b"},"values":[[1,"1"],[2,"2.5"]]}]}}'),
    "sql": ('{"files":[{"name":"a","bytes":46}]}',
            b"ALTER TABLE orders ADD COLUMN gift boolean;   "),
}


def reader_case(world, role, at, usual):
    place = s.kit(world, reader="reader-starved", reader_ask="reader-ask")
    s.starve_kit(place, at)
    status, output = s.reader(place, role, *TEXTS[role])
    count, refused, _ = s.told(place + "/told")
    assert status >= 0, f"signal {-status}: {output}"
    if refused and s.shape(output) != usual:
        assert "memory" in output, f"exit {status}: {output}"
    return s.shape(output), count


def reader(pick):
    failures, points = [], 0
    with w.World() as place:
        for role in TEXTS:
            usual, count = reader_case(place, role, 0, None)
            for at in pick.of(count):
                points += 1
                try:
                    reader_case(place, role, at, usual)
                except AssertionError as e:
                    failures.append(f"{role} {at}: {e}")
    return f"{points} points", failures


ALL = {
    "commands": quiet,
    "run": run_part((), "at"),
    "run-from": run_part((), "start"),
    "run-undo": run_part(FAILING, "at"),
    "resume": resume,
    "drivers": drivers,
    "worker": worker,
    "worker-loads": worker_loads,
    "reader": reader,
}
