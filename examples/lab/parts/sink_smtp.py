#!/usr/bin/python3
"""sink_smtp.py STATE PORT: takes every mail and delivers none.

The commands of RFC 5321 that a client needs (HELO, EHLO, MAIL, RCPT, DATA,
RSET, NOOP, QUIT), one at a time. A mail becomes a file in
STATE/received/mail/new, as in a maildir: written in tmp first. Ends when
STATE is gone."""
import itertools
import os
import socketserver
import sys
import time

LARGEST = 1 << 20
LONGEST_LINE = 2048
numbers = itertools.count(1)


class Session(socketserver.StreamRequestHandler):
    timeout = 60

    def handle(self):
        self.sender, self.recipients = None, []
        self.reply("220 lab ready")
        while line := self.rfile.readline(LONGEST_LINE):
            verb = line.split()[0].upper().decode("ascii", "replace") \
                if line.strip() else ""
            if verb == "QUIT":
                return self.reply("221 bye")
            self.command(verb, line.decode("utf-8", "replace").strip())

    def command(self, verb, line):
        if verb in ("HELO", "EHLO", "NOOP"):
            self.reply("250 lab")
        elif verb == "MAIL":
            self.sender, self.recipients = line[len("MAIL FROM:"):], []
            self.reply("250 ok")
        elif verb == "RCPT" and self.sender is not None:
            self.recipients.append(line[len("RCPT TO:"):])
            self.reply("250 ok")
        elif verb == "DATA" and self.recipients:
            self.data()
        elif verb == "RSET":
            self.sender, self.recipients = None, []
            self.reply("250 ok")
        elif verb in ("RCPT", "DATA"):
            self.reply("503 bad sequence of commands")
        else:
            self.reply("502 command not implemented")

    def data(self):
        self.reply("354 end with a dot on a line of its own")
        lines, size = [], 0
        while line := self.rfile.readline(LARGEST):
            if line in (b".\r\n", b".\n"):
                break
            size += len(line)
            if size <= LARGEST:
                lines.append(line[1:] if line.startswith(b".") else line)
        else:
            return  # the client left before the end: no mail
        if size > LARGEST:
            return self.reply("552 too large")
        self.deliver(b"".join(lines))
        self.reply("250 kept")

    def deliver(self, content):
        name = f"{time.time():.6f}.{next(numbers)}.lab"
        envelope = (f"Return-Path: {self.sender}\r\n" + "".join(
            f"Delivered-To: {one}\r\n" for one in self.recipients))
        written = os.path.join(self.server.mail, "tmp", name)
        with open(written, "wb") as file:
            file.write(envelope.encode() + content)
        os.rename(written, os.path.join(self.server.mail, "new", name))

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Sink(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, state, port):
        self.state = state
        self.mail = os.path.join(state, "received", "mail")
        super().__init__(("127.0.0.1", port), Session)

    def service_actions(self):
        if not os.path.isdir(self.state):
            os._exit(0)


Sink(sys.argv[1], int(sys.argv[2])).serve_forever()
