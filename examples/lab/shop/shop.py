"""The shop's HTTP server.

Settings come from the environment: SHOP_PORT, SHOP_INSTANCE (its name),
SHOP_DATABASE_FILE (holds the database's URL) and SHOP_FLAGS (a file)."""
import http.server
import json
import os
import pathlib
import re
import signal
import threading
import time
import traceback

import catalog
import database
import flags
import metrics
import orders

ROUTES = (
    ("GET", re.compile(r"/"), catalog.front),
    ("GET", re.compile(r"/products"), catalog.listing),
    ("GET", re.compile(r"/products/(\d{1,9})"), catalog.one),
    ("GET", re.compile(r"/orders/(\d{1,9})"), orders.one),
    ("POST", re.compile(r"/orders"), orders.place),
)
LARGEST_BODY = 65536
SESSIONS = 12


class Request:
    """What a handler of ROUTES gets. `feature` names the flag whose code
    answered it, so that a flag's own errors can be told from others."""

    def __init__(self, number, body, shop):
        self.number = number
        self.body = body
        self.flags = shop.flags
        self.version = shop.version
        self.feature = ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        internal = {"/healthz": self.healthz, "/version": self.version,
                    "/metrics": self.metrics}
        internal.get(self.path, self.serve)()

    def do_POST(self):
        self.serve()

    def healthz(self):
        try:
            with self.server.database.session() as cursor:
                cursor.execute("select 1")
            self.answer(200, "ok\n", "text/plain")
        except Exception as problem:
            self.server.database.forget()
            self.answer(503, f"database: {type(problem).__name__}\n",
                        "text/plain")

    def version(self):
        self.answer_json(200, {"version": self.server.version,
                               "commit": self.server.commit})

    def metrics(self):
        self.answer(200, self.server.metrics.text(),
                    "text/plain; version=0.0.4")

    def serve(self):
        started = time.monotonic()
        code, value, feature = 404, {"error": "no such page"}, ""
        for method, pattern, handler in ROUTES:
            match = pattern.fullmatch(self.path)
            if match and method == self.command:
                code, value, feature = self.handle_route(handler, match)
        self.server.metrics.count(code, feature, time.monotonic() - started)
        self.answer_json(code, value)

    def handle_route(self, handler, match):
        request = Request(None, None, self.server)
        try:
            if match.groups():
                request.number = int(match.group(1))
            request.body = self.read_body()
            with self.server.database.session() as cursor:
                code, value = handler(cursor, request)
        except Exception:
            traceback.print_exc()
            code, value = 500, {"error": "internal error"}
        return code, value, request.feature

    def read_body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            raise ValueError("body too large")
        return json.loads(self.rfile.read(length)) if length else {}

    def answer_json(self, code, value):
        self.answer(code, json.dumps(value, default=str) + "\n",
                    "application/json")

    def answer(self, code, text, kind):
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        pass  # the metrics say it


class Shop(http.server.ThreadingHTTPServer):
    daemon_threads = False  # a stop waits for the requests under way
    request_queue_size = 128

    def __init__(self):
        here = pathlib.Path(__file__).resolve().parent
        self.version = here.name
        self.commit = (here / "REVISION").read_text().strip()
        url = pathlib.Path(os.environ["SHOP_DATABASE_FILE"]).read_text()
        self.database = database.Database(url.strip(), SESSIONS)
        self.flags = flags.Flags(os.environ["SHOP_FLAGS"])
        self.metrics = metrics.Metrics(os.environ["SHOP_INSTANCE"],
                                       self.version)
        super().__init__(("127.0.0.1", int(os.environ["SHOP_PORT"])),
                         Handler)

    def run(self):
        def stop(_signal, _frame):
            threading.Thread(target=self.shutdown).start()
        signal.signal(signal.SIGTERM, stop)
        self.serve_forever(poll_interval=0.05)
        # Whoever is in the queue already gets an answer, too.
        self.timeout = 0
        self.handle_timeout = lambda: setattr(self, "drained", True)
        self.drained = False
        while not self.drained:
            self.handle_request()
        self.server_close()


if __name__ == "__main__":
    Shop().run()
