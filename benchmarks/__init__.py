"""How fast, how small, how soon: one script a question, ``python -m benchmarks.NAME``.

``python -m benchmarks`` runs them all. Each prints the machine, then medians, spreads and the reference. ``--quick``
only checks that everything runs. The peers are optional: ``pip install mnistlr[bench]``.
``benchopt run benchmarks`` runs solver after solver; ``benchopt test benchmarks -- --skip-env`` tries all of them
(without that option it wants conda to install them).
"""

from pathlib import Path

__path__.append(str(Path(__file__).parent / "questions"))
