#!/usr/bin/python3
"""metric.py URL EXPR: ask Prometheus for one number and print it.

Exit status 1, and a word on standard error, when there is none."""
import json
import sys
import urllib.parse
import urllib.request


def ask(url, expr):
    query = urllib.parse.urlencode({"query": expr})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}",
                                timeout=5) as answer:
        series = json.load(answer)["data"]["result"]
    if len(series) != 1:
        raise ValueError(f"{len(series)} series")
    value = float(series[0]["value"][1])
    if value != value:
        raise ValueError("not a number")
    return value


try:
    print(f"{ask(sys.argv[1], sys.argv[2]):.4f}")
except (OSError, ValueError, KeyError) as problem:
    sys.exit(f"no number: {problem}")
