#!/usr/bin/python3
"""sink_http.py STATE PORT SECRET: keeps the webhooks it receives.

POST /services/SECRET  as Slack's incoming webhooks: answers 200 "ok", or
                       400 "invalid_payload", 403 "invalid_token"
                       (https://api.slack.com/messaging/webhooks)
POST /events           CloudEvents in structured JSON: answers 202
                       (https://github.com/cloudevents/spec)

Each message becomes a line of STATE/received/slack.ndjson or
events.ndjson, with the time it came. Nothing is de-duplicated: twice sent
is twice kept. Ends when STATE is gone."""
import http.server
import json
import os
import sys
import threading
import time

LARGEST = 1 << 20
CLOUDEVENT = ("specversion", "id", "source", "type")


def slack_problem(value):
    if not isinstance(value, dict):
        return "invalid_payload"
    text = value.get("text")
    if not isinstance(text, str) and "blocks" not in value:
        return "invalid_payload"
    return "no_text" if text == "" else None


def event_problem(value):
    missing = [name for name in CLOUDEVENT
               if not isinstance(value, dict) or not value.get(name)]
    return f"missing {missing[0]}" if missing else None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self.close_connection = True
            return self.answer(413, "too large")
        body = self.rfile.read(length)
        if self.path == "/services/" + self.server.secret:
            return self.keep("slack", body, slack_problem, 200, "ok")
        if self.path == "/events":
            return self.keep("events", body, event_problem, 202, "")
        return self.answer(403, "invalid_token")

    def keep(self, name, body, problem_of, code, text):
        try:
            value = json.loads(body)
        except ValueError:
            return self.answer(400, "invalid_payload")
        problem = problem_of(value)
        if problem:
            return self.answer(400, problem)
        self.server.store(name, {"at": time.time(), "body": value})
        return self.answer(code, text)

    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass  # a request line holds the webhook's secret


class Sink(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state, port, secret):
        self.state, self.secret = state, secret
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def store(self, name, value):
        path = os.path.join(self.state, "received", name + ".ndjson")
        with self._lock, open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")

    def service_actions(self):
        if not os.path.isdir(self.state):
            os._exit(0)


with open(sys.argv[3], encoding="utf-8") as secret_file:
    Sink(sys.argv[1], int(sys.argv[2]), secret_file.read().strip()
         ).serve_forever()
