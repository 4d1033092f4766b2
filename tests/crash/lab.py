"""kill -9 at the records and effects of runbooks/api.lua on real servers.

Two walks. In the chain one run is killed at every moment it has, one process
after the other, until it ends. In the single kills it is killed once, at each
record and effect of its writes and messages, and resumed to its end;
CRASH_FULL=1 takes every file operation and every moment for that.
"""

import glob
import os
import shutil
import subprocess
import tempfile
import time

import walk
import world as w

LAB = w.ROOT + "/examples/lab/lab"
WORDS = ("--confirm=lab", "--input", "window=4s", "--input", "holds=1s")
SHARE = ('sum(rate(http_requests_total{service="api",code="500"}[4s]))'
         ' / sum(rate(http_requests_total{service="api"}[4s]))')


class Lab(w.World):
    """A lab of one's own in place of the small world."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="rbrun-crash.")
        os.chmod(self.top, 0o755)  # PostgreSQL serves as another user
        self.lab = self.top + "/lab"
        self.state = self.top + "/state"
        self.file = w.ROOT + "/runbooks/api.lua"
        self.environment = self.lab + "/environments/lab.lua"
        self.do("up")

    def do(self, *words):
        # Into a file: the servers inherit what they are started with.
        with open(self.top + "/lab.log", "w+") as log:
            done = subprocess.run(
                [LAB, *words], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, "RBRUN_LAB": self.lab})
            log.seek(0)
            assert done.returncode == 0, f"lab {words}: {log.read()}"

    def close(self):
        self.do("down")
        shutil.rmtree(self.top, ignore_errors=True)

    def start(self, *words, fault=None, **more):
        return self.call("run", self.file, *WORDS, *words, fault=fault,
                         **more)

    def share(self):
        with open(self.lab + "/settings") as file:
            port = next(x.split("=")[1].strip() for x in file
                        if x.startswith("prometheus_port="))
        done = subprocess.run(
            [w.ROOT + "/examples/lab/parts/metric.py",
             "http://127.0.0.1:" + port, SHARE], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        return float(done.stdout) if done.returncode == 0 else 0.0

    def renew(self):
        """The bad release is live, and its errors are to be seen."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.do("break", "errors")
        for name in glob.glob(self.lab + "/received/mail/new/*"):
            os.remove(name)
        end = time.monotonic() + 40
        while self.share() < 0.04:
            assert time.monotonic() < end, "the errors do not show"
            time.sleep(0.2)

    def live(self):
        return [os.path.basename(os.readlink(f"{self.lab}/{name}/current"))
                for name in ("blue", "green")]

    def mails(self):
        """Message-IDs of what came."""
        found = []
        for name in glob.glob(self.lab + "/received/mail/new/*"):
            with open(name) as file:
                found += [x for x in file
                          if x.lower().startswith("message-id:")]
        return found

    def copies(self):
        return glob.glob(self.state + "/**/manifest.json", recursive=True)


def recovered(lab, run, status, output):
    """As an undisturbed run ends: once each, and production is well."""
    assert status == 0, f"exit {status}: {output}"
    journal = w.Journal(lab.directory(run))
    assert journal.sealed, output
    journal.check()
    assert lab.live() == ["v2.4.0", "v2.4.0"], lab.live()
    assert len(lab.copies()) == 1, lab.copies()
    assert len(set(lab.mails())) == 1, lab.mails()
    writes = [r["request"]["verb"] for r in journal.of("intent")
              if r["effect"] == "write"]
    assert writes == ["snapshot.take", "snapshot.catalog",
                      "deploy.release"], writes
    for words in (("verify", run), ("replay", run, "--quiet")):
        status, output = lab.call(*words)
        assert status == 0, output
    walk.says(lab, run, "ended")


def look(lab, run):
    journal = w.Journal(lab.directory(run))
    journal.check()
    walk.says(lab, run, journal.state())
    return journal


def told(journal):
    """How far the run has come: records but for its own resumptions."""
    return len(journal.records) - len(journal.notes("resumed"))


def chain(lab):
    """Killed at every moment in turn, each process one moment further."""
    lab.renew()
    status, output = lab.start(fault={"KILL_MOMENT": 1})
    assert status == -9, f"exit {status}: {output}"
    run, kills, moment, far = lab.runs()[0], 1, 2, 0
    while status == -9:
        journal = look(lab, run)
        moment = 2 if told(journal) > far else moment + 1
        far = told(journal)
        assert kills < 300, "it does not come to an end"
        status, output = lab.call("resume", run,
                                  fault={"KILL_MOMENT": moment}, timeout=90)
        kills += 1
    if look(lab, run).sealed and status == 2:
        status = 0  # it was killed behind its last record
    recovered(lab, run, status, output)
    return kills


def once(lab, fault):
    lab.renew()
    status, output = lab.start(fault=fault, timeout=90)
    assert status == -9, f"exit {status}: {output}"
    runs = lab.runs()
    if not runs or not w.Journal(lab.directory(runs[0])).records:
        assert lab.live() == ["v2.5.0", "v2.5.0"], lab.live()
        return
    if not look(lab, runs[0]).sealed:
        status, output = lab.call("resume", runs[0], timeout=90)
        recovered(lab, runs[0], status, output)


def of_writes(points, journal):
    """Points from each durable intent to the record of its result."""
    found, inside = [], False
    for number, name, detail in points:
        if (name, detail) == ("moment", "durable"):
            inside = True
        if inside and name == "moment":
            found.append(number)
        if (name, detail) == ("moment", "result"):
            inside = False
    return found


def walk_all():
    failures = []
    full = os.environ.get("CRASH_FULL") == "1"
    with Lab() as lab:
        lab.renew()
        path = lab.top + "/points"
        status, output = lab.start(fault={"COUNT": path})
        run = lab.runs()[0]
        recovered(lab, run, status, output)
        points = walk.points(path)
        numbers = [n for n, _, _ in points] if full else of_writes(
            points, w.Journal(lab.directory(run)))
        kills = 0
        try:
            kills = chain(lab)
        except AssertionError as e:
            failures.append(f"chain: {e}")
        for number in numbers:
            try:
                once(lab, {"KILL_AT": number})
            except AssertionError as e:
                failures.append(f"{points[number - 1]}: {e}")
    return (f"{kills} kills in a chain, {len(numbers)} single ones",
            failures)
