#!/usr/bin/python3
"""Print as many free loopback ports as asked for, one a line.

All are held open at once, so that they differ from each other."""
import socket
import sys

held = []
for _ in range(int(sys.argv[1])):
    held.append(socket.socket())
    held[-1].bind(("127.0.0.1", 0))
    print(held[-1].getsockname()[1])
