"""Run all benchmarks in turn: ``python -m benchmarks [--quick] [--repeats N]``.

Readings go to ``results/NAME.json``. A script that fails is told at the end, by the exit code as well; slow times are
not failures.
"""

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("race", "tutorial", "kernels", "memory", "cold_start", "scale", "scale_out")


def main() -> int:
    """Run each script in a process of its own; return how many failed."""
    failed = []
    for name in SCRIPTS:
        print(f"\n=== python -m benchmarks.{name}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(Path("results", f"{name}.json"))]
        if subprocess.run([*command, *sys.argv[1:]]).returncode:
            failed.append(name)
    print("\n" + (f"FAILED: {', '.join(failed)}" if failed else "All benchmarks ran."))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
