"""One instance of a deployed service: serves the release directory it is
started in. A release with a file `sick` never becomes healthy, one with a
file `weak` is healthy for a moment only."""

import http.server
import json
import os
import sys
import time

HERE = os.getcwd()
BEGIN = time.monotonic()


def healthy():
    if os.path.exists(os.path.join(HERE, "sick")):
        return False
    weak = os.path.exists(os.path.join(HERE, "weak"))
    return not weak or time.monotonic() - BEGIN < 0.3


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200 if healthy() else 503, "")
        elif self.path == "/version":
            self.answer(200, json.dumps({"version": os.path.basename(HERE)}))
        elif self.path == "/plain":
            self.answer(200, os.path.basename(HERE) + "\n")
        else:
            self.answer(404, "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def serve(port):
    # The instance before this one may still hold the port for a moment.
    for _ in range(200):
        try:
            return http.server.HTTPServer(("127.0.0.1", port), Handler)
        except OSError:
            time.sleep(0.02)
    sys.exit("the port stays in use")


serve(int(sys.argv[1])).serve_forever()
