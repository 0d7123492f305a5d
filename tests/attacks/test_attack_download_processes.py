"""Processes that load MNIST and are killed, or run side by side: a good cache in the end, and nothing left over."""

import random
import sys
import threading
import time
from pathlib import Path

import pytest

from mnistlr.datasets import fetch_mnist, mnist_files, verify_mnist
from tests.conftest import Attack, TinyMnist
from tests.helpers import fetching, local_server
from tests.helpers.fetching import PHASES, Task, fork_server
from tests.helpers.loads import contents, expected_sum
from tests.helpers.local_server import LocalServer


class TestProcesses:
    @pytest.fixture(autouse=True)
    def _quick_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Else every process would import pytest's script again, which is its parent's main module.
        monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)

    def task(self, server: LocalServer, sites: tuple[str, ...], cache: Path) -> Task:
        return Task([f"{server.url}/{site}/" for site in sites], str(cache), dict(mnist_files.MNIST_FILES))

    def check_next_run(
        self, internet: LocalServer, tiny_mnist: TinyMnist, cache: Path, attack: Attack, phase: str
    ) -> None:
        """Another process loads, whatever lies in the cache, and leaves the four files and nothing else."""
        found = contents(cache) if cache.exists() else {}
        good = {name for name in found if not name.endswith(".part")}
        assert all(found[name] == tiny_mnist.raw[name] for name in good)
        assert len(found) - len(good) <= 1
        internet.gets.clear()
        arguments = self.task(internet, ("second",), cache), expected_sum(tiny_mnist)
        process = fork_server().Process(target=fetching.load_and_check, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert len(internet.gets_from("second")) == 4 - len(good)
        assert contents(cache) == tiny_mnist.raw
        attack.ends[f"{'used' if len(good) == 4 else 'repaired'} after {phase}"] += 1

    def kill(self, n_kills: int, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack) -> None:
        rng, context, phase_file = random.Random(0), fork_server(), tmp_path / "phase"
        internet.behaviour["first"] = local_server.in_pieces(8, 0.003)
        seconds = 0.0
        n_killed = attempt = 0
        while n_killed < n_kills:
            cache = tmp_path / str(attempt)
            phase_file.write_bytes(b"\0")
            arguments = self.task(internet, ("first",), cache), str(phase_file), 0.003
            process = context.Process(target=fetching.load_slowly, args=arguments)
            process.start()
            while phase_file.read_bytes() == b"\0":
                time.sleep(0.0005)
            start = time.monotonic()
            if attempt:  # else see how long it takes when it is left alone
                process.join(rng.uniform(0, seconds))
            else:
                process.join()
                seconds = time.monotonic() - start
            process.kill()
            process.join()
            phase = PHASES[phase_file.read_bytes()[0]]
            if process.exitcode:
                n_killed += 1
                self.check_next_run(internet, tiny_mnist, cache, attack, phase)
            else:
                assert contents(cache) == tiny_mnist.raw
            attempt += 1

    def test_killed_at_random_moments(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        self.kill(5, internet, tiny_mnist, tmp_path, attack)

    @pytest.mark.long
    def test_killed_at_60_random_moments(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        self.kill(60 * attack.factor, internet, tiny_mnist, tmp_path, attack)
        for phase in PHASES[1:5]:
            assert sum(n for end, n in attack.ends.items() if phase in end) >= 3

    def test_leftovers_do_not_pile_up(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        """Killed again and again while it writes, with no good end between."""
        cache, phase_file = tmp_path / "cache", tmp_path / "phase"
        for _ in range(3 * attack.factor):
            phase_file.write_bytes(b"\0")
            arguments = self.task(internet, ("first",), cache), str(phase_file), 0.02
            process = fork_server().Process(target=fetching.load_slowly, args=arguments)
            process.start()
            while PHASES[phase_file.read_bytes()[0]] != "writing":
                time.sleep(0.001)
            process.kill()
            process.join()
            assert [name[:22] for name in contents(cache)] == [".train-images-idx3-uby"]
            attack.ends["one leftover"] += 1
        self.check_next_run(internet, tiny_mnist, cache, attack, "many deaths")

    def test_fetch_sweeps_a_good_cache(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        """The slower of two processes may be killed after the other has written the same file."""
        fetch_mnist(cache_dir=tmp_path)
        (tmp_path / ".t10k-images-idx3-ubyte.0123abcd.part").write_bytes(b"half")
        fetch_mnist(cache_dir=tmp_path)
        assert contents(tmp_path) == tiny_mnist.raw
        attack.ends["swept"] += 1

    def test_eight_at_once(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack) -> None:
        together = threading.Barrier(8)

        def all_at_once(handler: object, body: bytes) -> None:
            together.wait(30)  # every process has found the cache empty by now
            local_server.serve(handler, body)  # type: ignore[arg-type]

        internet.behaviour["first"] = all_at_once
        for k in range(attack.factor):
            cache = tmp_path / str(k)
            arguments = self.task(internet, ("first",), cache), expected_sum(tiny_mnist)
            processes = [fork_server().Process(target=fetching.load_and_check, args=arguments) for _ in range(8)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
                assert process.exitcode == 0
                attack.ends["loaded"] += 1
            assert contents(cache) == tiny_mnist.raw
            assert all(check.ok for check in verify_mnist(cache_dir=cache))
