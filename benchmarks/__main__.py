"""Run all benchmarks in a short form: ``python -m benchmarks [--quick]``, under 10 minutes on two cores.

Readings go to ``results/NAME.json``, tables to ``results/NAME.md``, figures beside them. Three rounds of each; more by
the scripts themselves, some of which go further with ``--full``. With ``--quick``, where times mean nothing, as many
scripts run at once as there are cores, under a minute in all. The end of the output lists the scripts that failed, and
the exit code counts them. Slow times are not failures.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SCRIPTS = (
    "race", "cold_start", "tutorial", "kernels", "latency", "confusion", "scaling", "loading", "memory", "scale",
    "scale_out",
)  # fmt: skip
SHORT = {"race": ("--patience", "0.5")}


def main() -> int:
    """Run each script in a process of its own; return how many failed."""
    parser = argparse.ArgumentParser(description="Run all benchmarks")
    parser.add_argument("--quick", action="store_true", help="only check that everything runs, on little data")
    quick = parser.parse_args().quick

    def run(name: str) -> bool:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(Path("results", f"{name}.json"))]
        command += ["--quick"] if quick else ["--repeats", "3", *SHORT.get(name, ())]
        if not quick:
            print(f"\n=== python -m benchmarks.{name}\n", flush=True)
            return subprocess.run(command).returncode == 0
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"\n=== python -m benchmarks.{name}\n\n{result.stdout}", flush=True)
        return result.returncode == 0

    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() if quick else 1) as pool:
        failed = [name for name, good in zip(SCRIPTS, pool.map(run, SCRIPTS), strict=True) if not good]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "All benchmarks ran."
    print(f"\n{verdict} It took {time.monotonic() - began:.0f} s; all of it is in {Path('results').resolve()}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
