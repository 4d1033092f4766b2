#!/usr/bin/env python3
"""The part of GitHub's REST API that tells CI results, for tests.

usage: github.py DIRECTORY

Reads DIRECTORY/world.json for every request, appends a line for each request
to DIRECTORY/requests, writes its port to DIRECTORY/port, and ends when its
standard input does. The world:

  {"repo": "owner/name",            the only repository there is
   "token": "...",                  refuse other tokens with 401
   "rate_limited_after": 3,         then 403, as GitHub does
   "rate_reset": 1900000000,        seconds since 1970
   "status": 502,                   answer everything with this
   "retry_after": 30,               with it: a Retry-After header
   "padding": 4000,                 bytes of prose in every check run
   "commits": {"SHA": {"checks": [["build", "completed", "success"], ..],
                       "statuses": [["ci/lint", "pending"], ..]}}}

Shapes and codes are those of
https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference
https://docs.github.com/en/rest/commits/statuses
"""
import http.server
import json
import os
import re
import sys
import threading
import urllib.parse

COMMIT = re.compile(r"/repos/([^/]+/[^/]+)/commits/([^/]+)/([a-z-]+)$")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, document, headers=()):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def record(self):
        fields = {"path": self.path,
                  "authorization": self.headers.get("Authorization"),
                  "accept": self.headers.get("Accept"),
                  "agent": self.headers.get("User-Agent")}
        with open(os.path.join(self.server.directory, "requests"), "a",
                  encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")
        self.server.count += 1

    def world(self):
        with open(os.path.join(self.server.directory, "world.json"),
                  encoding="utf-8") as file:
            return json.load(file)

    def refused(self, world):
        """Whether the request was answered with what GitHub says no with."""
        token = world.get("token")
        if "status" in world:
            headers = [("Retry-After", str(world["retry_after"]))] \
                if "retry_after" in world else []
            self.reply(world["status"], {"message": "as told"}, headers)
        elif token and self.headers.get("Authorization") != "Bearer " + token:
            self.reply(401, {"message": "Bad credentials"})
        elif self.server.count > world.get("rate_limited_after", 1 << 30):
            self.reply(403, {"message": "API rate limit exceeded for "
                                        "127.0.0.1."},
                       [("X-RateLimit-Remaining", "0"),
                        ("X-RateLimit-Reset", str(world["rate_reset"]))])
        else:
            return False
        return True

    def page(self, items, query):
        size = min(int(query.get("per_page", ["30"])[0]), 100)
        page = int(query.get("page", ["1"])[0])
        headers = []
        if page * size < len(items):
            headers = [("Link", '<http://%s%s>; rel="next"' % (
                self.headers.get("Host"),
                re.sub(r"([?&])page=\d+", r"\1page=%d" % (page + 1),
                       self.path)))]
        return items[(page - 1) * size:page * size], headers

    def checks(self, commit, query, padding):
        items, headers = self.page(commit.get("checks", []), query)
        runs = [{"id": i, "name": name, "status": status,
                 "conclusion": conclusion,
                 "output": {"title": None, "summary": "x" * padding}}
                for i, (name, status, conclusion) in enumerate(items)]
        self.reply(200, {"total_count": len(commit.get("checks", [])),
                         "check_runs": runs}, headers)

    def statuses(self, sha, commit, query):
        items, headers = self.page(commit.get("statuses", []), query)
        self.reply(200, {"state": "pending", "sha": sha,
                         "total_count": len(commit.get("statuses", [])),
                         "statuses": [{"context": c, "state": s,
                                       "description": None}
                                      for c, s in items]}, headers)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        world = self.world()
        if url.path == "/rate_limit":
            self.reply(200, {"resources": {"core": {
                "limit": 60, "remaining": 0,
                "reset": world.get("rate_reset", 0)}}})
            return
        self.record()
        if self.refused(world):
            return
        match = COMMIT.match(url.path)
        if not match or match.group(1) != world["repo"]:
            self.reply(404, {"message": "Not Found"})
            return
        sha, what = match.group(2), match.group(3)
        commit = world["commits"].get(sha)
        if commit is None:
            self.reply(422, {"message": "No commit found for SHA: " + sha})
        elif what == "check-runs":
            self.checks(commit or {}, query, world.get("padding", 0))
        else:
            self.statuses(sha, commit or {}, query)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that has read enough may go away.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.directory = sys.argv[1]
    server.count = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = os.path.join(server.directory, "port")
    with open(port + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_address[1]))
    os.rename(port + ".new", port)
    sys.stdin.buffer.read()


main()
