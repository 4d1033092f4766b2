#!/usr/bin/env python3
"""A peer for tests: an HTTP server or an SMTP sink with scripted answers, or
a real Prometheus. Listens on a free port of 127.0.0.1, writes the port to
DIR/port once it listens, and every request it got as a line of JSON to
DIR/requests. Ends when its standard input does, that is with its parent.

    peer.py http DIR [--cert FILE --key FILE]
    peer.py smtp DIR [--cert FILE --key FILE]
    peer.py prometheus DIR [TARGET_PORT]

DIR/script is read anew for each request (http) or connection (smtp).

http: a list of answers; the first that matches and is not used up is given:
  match  "METHOD /prefix", default all      times  how often, default always
  status, headers, body; repeat: the body so many times
  length      Content-Length to claim       close  hang up without an answer
  hang        "before" or "within" the body: until the other side leaves
smtp: a list of conversations; the n-th connection gets the n-th, the last
  one stays:
  greeting, ehlo (list of extensions), mail, rcpt, data, dot: replies
  user, password: what AUTH PLAIN must say
  close: the verb at which to hang up ("DOT" is the end of the mail)
  hang:  the same, without hanging up
"""
import base64
import ctypes
import json
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler


class Place:
    """The directory that script, port and record lie in."""

    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.Lock()
        self.used = {}
        self.seen = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def script(self):
        with open(self.path("script"), encoding="utf-8") as file:
            return json.load(file)

    def record(self, **fields):
        with self.lock, open(self.path("requests"), "a",
                             encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")

    def announce(self, port):
        with open(self.path("port.new"), "w", encoding="ascii") as file:
            file.write(str(port))
        os.rename(self.path("port.new"), self.path("port"))

    def take(self, method, path):
        """The answer due for a request; counts its use."""
        with self.lock:
            now = os.stat(self.path("script"))
            if self.seen != (now.st_ino, now.st_mtime_ns):
                self.used = {}
                self.seen = (now.st_ino, now.st_mtime_ns)
            script = self.script()
            for number, answer in enumerate(script):
                wanted, _, prefix = answer.get("match", "").partition(" ")
                if wanted and not (method == wanted and
                                   path.startswith(prefix)):
                    continue
                count = self.used.get(number, 0)
                if "times" in answer and count >= answer["times"]:
                    continue
                self.used[number] = count + 1
                return answer
        return {"status": 599, "body": "the script has no answer"}


def wait_for_hangup(connection):
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass


class Web(BaseHTTPRequestHandler):
    place = None

    def log_message(self, *_):
        pass

    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        self.place.record(method=self.command, path=self.path,
                          headers=dict(self.headers.items()),
                          body=body.decode("utf-8", "replace"))
        answer = self.place.take(self.command, self.path)
        self.close_connection = True
        if answer.get("close"):
            return
        if answer.get("hang") == "before":
            wait_for_hangup(self.connection)
            return
        text = answer.get("body", "").encode("utf-8", "surrogateescape")
        self.give(answer, text * answer.get("repeat", 1))

    def give(self, answer, body):
        self.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length",
                         str(answer.get("length", len(body))))
        self.end_headers()
        if answer.get("hang") == "within":
            self.wfile.write(body[:len(body) // 2])
            wait_for_hangup(self.connection)
        elif self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer


class Mail(socketserver.StreamRequestHandler):
    place = None
    tls = None
    count = 0

    def handle(self):
        script = self.place.script()
        self.talk = script[min(Mail.count, len(script) - 1)]
        Mail.count += 1
        self.seen = {"rcpt": [], "tls": False}
        try:
            self.say(self.talk.get("greeting", "220 peer ready"))
            while self.obey(self.rfile.readline()):
                pass
        finally:
            self.place.record(**self.seen)

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")
        return True

    def due(self, verb):
        """False when the script ends the conversation at this verb."""
        if self.talk.get("hang") == verb:
            wait_for_hangup(self.connection)
            return False
        return self.talk.get("close") != verb

    def obey(self, line):
        """False when that was the last of the conversation."""
        line = line.decode().rstrip("\r\n")
        verb = line.split(" ")[0].upper()
        if not line or not self.due(verb):
            return False
        if verb == "QUIT":
            self.say("221 bye")
            return False
        return getattr(self, "on_" + verb.lower(), self.on_unknown)(line)

    def on_unknown(self, _):
        return self.say("502 not known")

    def on_ehlo(self, _):
        lines = ["peer"] + self.talk.get("ehlo", [])
        for text in lines[:-1]:
            self.say("250-" + text)
        return self.say("250 " + lines[-1])

    on_helo = on_ehlo

    def on_starttls(self, _):
        self.say("220 go ahead")
        self.connection = self.tls.wrap_socket(self.connection,
                                               server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.seen["tls"] = True
        return True

    def on_auth(self, line):
        given = line.split(" ")[2] if line.count(" ") > 1 else None
        if given is None:
            self.say("334 ")
            given = self.rfile.readline().decode().strip()
        wanted = "\0%s\0%s" % (self.talk.get("user"),
                               self.talk.get("password"))
        if base64.b64decode(given).decode() != wanted:
            return self.say("535 5.7.8 authentication failed")
        self.seen["auth"] = self.talk.get("user")
        return self.say("235 welcome")

    def on_mail(self, line):
        self.seen["mail"] = line
        return self.say(self.talk.get("mail", "250 ok"))

    def on_rcpt(self, line):
        self.seen["rcpt"].append(line)
        return self.say(self.talk.get("rcpt", "250 ok"))

    def on_data(self, _):
        reply = self.talk.get("data", "354 go on")
        self.say(reply)
        if not reply.startswith("354"):
            return True
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.seen["message"] = b"".join(lines).decode("utf-8")
        return self.due("DOT") and self.say(self.talk.get("dot", "250 taken"))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the other side may leave at any moment: that is the test


def die_with_parent():
    """In a child: PR_SET_PDEATHSIG, for a killed peer leaves nothing."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def serve(place, handler, context, whole):
    handler.place = place
    handler.tls = context
    server = Server(("127.0.0.1", 0), handler)
    if context and whole:
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.announce(server.server_address[1])
    sys.stdin.read()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CONFIGURATION = """
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:%d"]}]
  - job_name: peer
    static_configs: [{targets: [%s]}]
"""


def prometheus(place, target):
    port = free_port()
    with open(place.path("prometheus.yml"), "w", encoding="ascii") as file:
        file.write(CONFIGURATION %
                   (port, '"127.0.0.1:%s"' % target if target else ""))
    with open(place.path("log"), "w", encoding="utf-8") as log:
        child = subprocess.Popen(
            ["prometheus", "--config.file=" + place.path("prometheus.yml"),
             "--storage.tsdb.path=" + place.path("data"),
             "--web.listen-address=127.0.0.1:%d" % port],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent)
    place.announce(port)
    sys.stdin.read()
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def tls(arguments):
    if "--cert" not in arguments:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments[arguments.index("--cert") + 1],
                            arguments[arguments.index("--key") + 1])
    return context


def main():
    kind, directory, *rest = sys.argv[1:]
    place = Place(directory)
    if kind == "http":
        serve(place, Web, tls(rest), True)
    elif kind == "smtp":
        serve(place, Mail, tls(rest), False)
    else:
        prometheus(place, rest[0] if rest else "")


main()
