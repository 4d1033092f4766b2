"""One part of the crash tests: run.py NAME; exit 0 when all of it holds.

It prints a line on what was walked, and each case that did not hold.
tests/spec/crash_spec.lua runs the parts.
"""

import sys
import time

sys.dont_write_bytecode = True

import parts  # noqa: E402  (after the line above)


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    part = parts.ALL.get(name)
    if not part:
        sys.exit("usage: run.py " + "|".join(sorted(parts.ALL)))
    begin = time.monotonic()
    told, failures = part()
    for text in failures:
        print("not ok", text)
    print(f"{name}: {told}, {len(failures)} failed, "
          f"{time.monotonic() - begin:.0f} s")
    sys.exit(1 if failures else 0)


main()
