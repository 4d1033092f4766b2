#!/usr/bin/python3
"""received.py STATE: show what the lab's sinks received."""
import email
import email.policy
import json
import pathlib
import sys

received = pathlib.Path(sys.argv[1], "received")


def indented(text):
    return "\n".join("    " + line for line in text.strip().splitlines())


slack = received / "slack.ndjson"
if slack.exists():
    for line in slack.read_text(encoding="utf-8").splitlines():
        print("  Slack:")
        print(indented(json.loads(line)["body"].get("text", "")))
for path in sorted((received / "mail" / "new").iterdir()):
    mail = email.message_from_bytes(path.read_bytes(),
                                    policy=email.policy.default)
    print(f"  Mail to {mail['To']}: {mail['Subject']}")
    print(indented(mail.get_content()))
