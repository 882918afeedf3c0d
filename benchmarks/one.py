"""Runs one benchmark: python -m benchmarks.one MODULE [--short]. Settings are read once in a process, and each
benchmark has its own.

Each figure is a line of JSON; the last line, {"broken": why}, only where the benchmark broke.
"""

import importlib
import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import IO


def main() -> int:
    module, *options = sys.argv[1:]
    with _own_stdout() as output:
        try:
            for measured in importlib.import_module(module).measure(short="--short" in options):
                print(json.dumps(asdict(measured)), file=output, flush=True)
        except Exception as why:
            traceback.print_exc()
            print(json.dumps({"broken": f"{type(why).__name__}: {why}"}), file=output)
            return 1
    return 0


def _own_stdout() -> IO[str]:
    """What is printed meanwhile, by us or what we start, goes to stderr."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return output


if __name__ == "__main__":
    sys.exit(main())
