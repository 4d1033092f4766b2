#!/usr/bin/python3
"""load.py STATE URL RATE: keep the shop busy until STATE is gone.

Requests leave at a steady RATE a second, whether or not the ones before
were answered, as visitors do; at most 48 are under way, more are left out.
The mix goes round in a fixed order, so that every run sees the same one."""
import concurrent.futures
import itertools
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

UNDER_WAY = 48
PRODUCTS, CUSTOMERS, ORDERS = 60, 200, 600
VOUCHERS = (None, "WELCOME", None)


def order(n):
    return "/orders", {"customer": 1 + n % CUSTOMERS,
                       "product": 1 + n % PRODUCTS,
                       "quantity": 1 + n % 3,
                       "voucher": VOUCHERS[n % len(VOUCHERS)]}


MIX = (
    lambda n: ("/products", None),
    lambda n: (f"/products/{1 + n % PRODUCTS}", None),
    lambda n: (f"/orders/{1 + n % ORDERS}", None),
    order,
    lambda n: (f"/products/{1 + (n * 7) % PRODUCTS}", None),
    lambda n: (f"/orders/{1 + (n * 11) % ORDERS}", None),
    order,
)


def ask(url, path, body):
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(
        url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
    except (OSError, urllib.error.HTTPError):
        pass  # the shop's own metrics count what went wrong


def visit(permits, url, path, body):
    try:
        ask(url, path, body)
    finally:
        permits.release()


def main(state, url, rate):
    permits = threading.BoundedSemaphore(UNDER_WAY)
    due = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(UNDER_WAY) as pool:
        for n in itertools.count():
            if not os.path.isdir(state):
                return
            path, body = MIX[n % len(MIX)](n)
            if permits.acquire(blocking=False):
                pool.submit(visit, permits, url, path, body)
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
