"""A small world with real targets, for runs that are killed on the way.

Every target keeps its own record of what reached it, by the call's key: a
ledger file that the commands append to, a file of flags, a log of releases,
a web and a mail server. What a run did is read there, not in its journal.
"""

import hashlib
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("RBRUN_BUILD") or ROOT + "/build")
FAULTY = BUILD + "/tests/rbrun-faulty"
RBRUN = BUILD + "/rbrun"

RUNBOOK = """
runbook {
  service = "shop",
  summary = "Everything that can be interrupted",
  objective = "1m",
  uses = { "command.run", "flag.*", "deploy.*", "notify.send", "wait.sleep",
    "clock.now", "snapshot.*" },
  inputs = { fail = "text?" },
}

-- A person may say that it did not happen; then it is done again.
local function by_hand(word)
  local function go()
    command.run { command = "manual", args = { word } }
  end
  if not pcall(go) then go() end
end

function run(input)
  local live = deploy.current { target = "app" }
  clock.now()
  log "looked around"
  snapshot.take { of = "copy" }
  undo("switch it on again", function()
    flag.set { flag = "new", on = true }
  end)
  flag.set { flag = "new", on = false }
  undo("take it back", function()
    command.run { command = "probed", args = { "back" } }
  end)
  local one = command.run { command = "probed", args = { "one" } }
  wait.sleep { duration = "10ms" }
  parallel {
    first = function()
      command.run { command = "probed", args = { "two" } }
    end,
    second = function()
      notify.send { channel = "hook", text = "half of it is done" }
    end,
    third = function() return flag.get { flag = "new" } end,
  }
  undo("release what was live", function()
    deploy.release { target = "app", version = live.version }
  end)
  deploy.release { target = "app", version = "v2" }
  undo("by hand", function() by_hand "unmade" end)
  by_hand "made"
  -- Nothing that a plan could foresee: --yes would be refused.
  if input.fail and one.output ~= "(known after apply)" then
    error "the policy says no"
  end
  notify.send { channel = "mail", text = "all of it is done" }
end
"""

ENVIRONMENT = """
return {
  name = "test",
  command = {
    probed = { driver = "command", argv = { "./append", "ledger", "{key}" },
      probe = { "./holds", "ledger", "{key}" } },
    manual = { driver = "command", argv = { "./append", "by-hand", "{key}" } },
  },
  flag = { flags = { driver = "file", path = "flags.json" } },
  deploy = { app = { driver = "command",
    release = { "./release", "{version}", "{key}" },
    probe = { "./holds", "releases", "{key}" },
    current = { "./live" }, health = { "true" } } },
  snapshot = { copy = { driver = "command", argv = { "echo", "a copy" } } },
  notify = {
    hook = { driver = "webhook", url = "http://127.0.0.1:%(web)d/hook" },
    mail = { driver = "smtp", url = "smtp://127.0.0.1:%(mail)d",
      from = "rbrun@example.com", to = { "ops@example.com" } },
  },
  grants = { ["all.lua"] = { "* *" } },
}
"""

# One append is one write: it has happened or it has not.
SCRIPTS = {
    "append": 'echo "$2 $3" >>"${0%/*}/$1"\n',
    "holds": 'grep -q "$2" "${0%/*}/$1"\n',
    "release": 'echo "$1 $2" >>"${0%/*}/releases"\n',
    "live": 'set -- $(tail -n 1 "${0%/*}/releases"); echo "$1"\n',
}


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        world = self.server.world
        with world.lock:
            event = json.loads(body)
            del event["time"]  # of this try; the receiver goes by the id
            world.hooks.append((event["id"], event))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def message(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if not line:  # cut off: a mail without its end is none
            return
        ids = [x.split(b":", 1)[1].strip() for x in lines
               if x.lower().startswith(b"message-id:")]
        world = self.server.world
        with world.lock:
            # But for the time of this try.
            world.mails.append((ids[0].decode(), b"".join(
                x for x in lines if not x.lower().startswith(b"date:"))))

    def handle(self):
        self.say("220 mail")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                self.message()
            self.say("221 bye" if word == b"QUIT" else "250 well")
            if word == b"QUIT":
                return


class Quiet:
    """A client that is killed is what these servers are here for."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Web(Quiet, http.server.ThreadingHTTPServer):
    daemon_threads = True


class Post(Quiet, socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def write(path, text, mode=0o600):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


class World:
    """One scratch directory, two servers, and rbrun in it."""

    def __init__(self, runbook=RUNBOOK, environment=ENVIRONMENT):
        self.lock = threading.Lock()
        self.hooks, self.mails = [], []
        self.top = tempfile.mkdtemp(prefix="rbrun-crash.")
        self.servers = [Web(("127.0.0.1", 0), Hook),
                        Post(("127.0.0.1", 0), Mail)]
        for server in self.servers:
            server.world = self
            threading.Thread(target=server.serve_forever, kwargs={
                "poll_interval": 0.05}, daemon=True).start()
        ports = [s.server_address[1] for s in self.servers]
        self.state = self.top + "/state"
        self.place = self.top + "/world"
        os.mkdir(self.place)
        self.file = self.top + "/all.lua"
        write(self.file, runbook)
        self.environment = self.place + "/test.lua"
        write(self.environment,
              environment % {"web": ports[0], "mail": ports[1]})
        for name, text in SCRIPTS.items():
            write(f"{self.place}/{name}", "#!/bin/sh\n" + text, 0o700)
        self.renew()

    def renew(self):
        """As if nothing had been run yet."""
        shutil.rmtree(self.state, ignore_errors=True)
        with self.lock:
            self.hooks.clear()
            self.mails.clear()
        for name in ("ledger", "by-hand"):
            write(f"{self.place}/{name}", "")
        write(self.place + "/releases", "v1 start\n")
        write(self.place + "/flags.json", '{"new": true}\n')

    def write_edited(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, text)

    def remove_file(self):
        os.remove(self.file)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, *words, fault=None, program=None, timeout=60, cwd=None,
             more=None):
        """Run rbrun; its exit status (negative: a signal) and its output."""
        settings = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                    "HOME": self.top, "RBRUN_STATE": self.state,
                    "RBRUN_ENVIRONMENT": self.environment}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                settings[name] = os.environ[name]
        for name, value in (fault or {}).items():
            settings["FAULT_" + name] = str(value)
        settings.update(more or {})
        done = subprocess.run(
            [program or (FAULTY if fault else RBRUN), *map(str, words)],
            env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=timeout, cwd=cwd or self.top)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def start(self, *words, fault=None, **more):
        return self.call("run", self.file, "--yes", *words, fault=fault,
                         **more)

    def runs(self):
        path = self.state + "/runs"
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def directory(self, run):
        return f"{self.state}/runs/{run}"

    def read(self, name):
        with open(f"{self.place}/{name}") as file:
            return file.read()

    def reached(self, name, key):
        """How often an effect with this key reached its target."""
        if name in ("ledger", "by-hand"):
            return sum(line.split()[0] == key
                       for line in self.read(name).splitlines())
        return sum(key in line for line in self.read(name).splitlines())

    def effects(self):
        """What there is to see of production, without keys."""
        return {
            "ledger": sorted(line.split()[1]
                             for line in self.read("ledger").splitlines()),
            "by-hand": sorted(line.split()[1]
                              for line in self.read("by-hand").splitlines()),
            "releases": [line.split()[0]
                         for line in self.read("releases").splitlines()],
            "flag": json.loads(self.read("flags.json"))["new"],
            "hooks": len({key for key, _ in self.hooks}),
            "mails": len({key for key, _ in self.mails}),
        }


class Journal:
    """A run's journal, read and checked without any code of rbrun's."""

    def __init__(self, directory):
        self.path = directory + "/journal.ndjson"
        self.directory = directory
        self.bytes = b""
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                self.bytes = file.read()
        whole, _, self.torn = self.bytes.rpartition(b"\n")
        self.lines = whole.split(b"\n") if whole else []
        self.records = [json.loads(line) for line in self.lines]

    def of(self, kind):
        return [r for r in self.records if r["kind"] == kind]

    def notes(self, what):
        return [r for r in self.of("note") if r.get("what") == what]

    @property
    def sealed(self):
        return bool(self.records) and self.records[-1]["kind"] == "ended"

    def open_writes(self):
        answered = {r["call"] for r in self.of("result")}
        return [r for r in self.of("intent")
                if r["effect"] == "write" and r["call"] not in answered]

    def state(self):
        """What `rbrun status` has to say of it, nobody working on it."""
        if not self.records:
            return None
        if self.sealed:
            return "ended"
        return "in doubt" if self.open_writes() else "interrupted"

    def check(self):
        """The numbered invariants; raises AssertionError."""
        last, epoch = "0" * 64, 1
        asked, answered = [], []
        for i, (line, r) in enumerate(zip(self.lines, self.records)):
            assert r["n"] == i + 1, f"record {i + 1} has number {r['n']}"
            assert r["prev"] == last, f"record {r['n']} breaks the chain"
            last = hashlib.sha256(line).hexdigest()
            assert r["epoch"] >= epoch, f"record {r['n']}: epoch goes back"
            # Only a note that the run goes on, or a person's word, may open
            # an epoch.
            if r["epoch"] > epoch:
                assert r.get("what") == "resumed" or r.get("settled"), \
                    f"record {r['n']} opens epoch {r['epoch']}: {r}"
            epoch = r["epoch"]
            assert (r["kind"] == "started") == (i == 0)
            if r["kind"] == "intent":
                assert r["call"] == len(asked) + 1, f"call {r['call']} asked"
                assert len(r["key"]) == 64, f"call {r['call']} has no key"
                asked.append(r["call"])
            if r["kind"] == "result":
                assert r["call"] in asked, f"call {r['call']}: no intent"
                assert r["call"] not in answered, f"call {r['call']}: twice"
                answered.append(r["call"])
            if r["kind"] == "ended":
                assert i == len(self.records) - 1, "a sealed run grew"
                assert not self.torn, "a sealed run grew"
                undecided = [o["call"] for o in self.open_writes()]
                assert not undecided, f"sealed with {undecided} in doubt"
        seal = self.directory + "/sealed"
        if os.path.exists(seal):
            with open(seal) as file:
                assert file.read() == last, "the seal is of another journal"

    def story(self):
        """Calls and answers without what differs from run to run."""
        answers = {r["call"]: r["answer"] for r in self.of("result")}
        return sorted(json.dumps([
            r["request"]["verb"], r["request"]["args"],
            r["request"].get("undoing", False),
            plain(answers.get(r["call"]))], sort_keys=True)
            for r in self.of("intent"))


# Times, names that a run makes up, and the counts of a settled snapshot.
MOVING = {"seconds", "at", "age", "took", "id", "path", "attempts", "since",
          "text"}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in MOVING}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value
