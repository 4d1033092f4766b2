"""The parts of the crash tests, by name."""

from signal import SIGINT, SIGTERM

import drift
import faults
import lab
import stops
import walk
import workers
import world as w


def expected(*words):
    with w.World() as place:
        return walk.count(place, *words)


def kill_all(words, cut=False):
    """kill -9 before every point of the run."""
    wanted = expected(*words)
    effects = walk.check_order(wanted["points"])
    writes = [i for i in wanted["journal"].of("intent")
              if i["effect"] in ("write", "notify")]
    assert effects == len(writes), (effects, len(writes))
    numbers = [number for number, _, _ in wanted["points"]]
    names = {number: f"{number} {name} {detail[-40:]}"
             for number, name, detail in wanted["points"]}

    def job(place, number):
        try:
            walk.one(place, words, wanted, {"KILL_AT": number}, cut)
        except AssertionError as e:
            raise AssertionError(f"[{names[number]}] {e}") from e

    failures = walk.each(numbers, job)
    return f"{len(numbers)} points", failures


FAILING = ("--input", "fail=yes")

ALL = {
    "kill": lambda: kill_all(()),
    "kill-undo": lambda: kill_all(FAILING),
    "tear": lambda: faults.tear_all(expected()),
    "fail": lambda: faults.fail_all(expected()),
    "full-disk": lambda: faults.full_disk(expected()),
    "drift": lambda: drift.refuse_all(expected()),
    "drift-stories": lambda: drift.stories(expected()),
    "kill-inside": lambda: walk.kill_inside(expected(*FAILING), FAILING),
    "kill-resumed": lambda: walk.kill_resumed(expected(), ()),
    "interrupt": lambda: stops.stop_all(expected(), SIGINT),
    "terminate": lambda: stops.stop_all(expected(), SIGTERM),
    "interrupt-twice": lambda: stops.stop_twice(expected()),
    "stop-and-kill": lambda: stops.stop_then_kill(expected()),
    "workers": workers.all_deaths,
    "lab": lab.walk_all,
    "locks": lambda: stops.locks(None),
    "power-cut": lambda: kill_all((), cut=True),
}
