#!/usr/bin/env python3
"""A task for `tidegate eval` that fails at first: Celsius to Fahrenheit, from a service that is "busy".

JSON on stdin, {"input": 20}; a number on stdout. Exit code 75 (EX_TEMPFAIL) says that another try may
work. Which inputs fail, and how often, is always the same. Needs no packages.
"""

import json
import os
import pathlib
import sys
import tempfile

celsius = json.load(sys.stdin)["input"]
# So many tries fail before one works: none for half of the inputs, one or two for the others.
failures = max(0, abs(celsius) // 5 % 4 - 1)

# A process knows nothing of the one before it, so tries are counted in a file; those of one run (they
# have the same parent) are apart from any other's.
counts = pathlib.Path(tempfile.gettempdir(), f"tidegate-flaky-{os.getppid()}")
count = counts / str(celsius)
if failures:
    counts.mkdir(exist_ok=True)
    tries = int(count.read_text()) if count.exists() else 0
    if tries < failures:
        count.write_text(str(tries + 1))
        print(f"busy, try {tries + 1}", file=sys.stderr)
        sys.exit(75)
    count.unlink(missing_ok=True)
    try:
        counts.rmdir()
    except OSError:
        pass  # Others are still counting.

# Cut instead of rounded: wrong for some temperatures, which the evaluation finds.
print(int(celsius * 9 / 5 + 32))
