"""Temporary files: whose name is taken, and what becomes of those whose process was killed."""

import os
from pathlib import Path

import pytest

from mnistlr._support import files
from mnistlr._support.files import atomic_write, sweep_leftovers
from tests.conftest import Attack
from tests.helpers.fetching import fork_server, write_often


def write(path: Path, contents: bytes) -> None:
    with atomic_write(path) as file:
        file.write(contents)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks: nothing is swept there")
class TestLeftovers:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "a*[b].idx"  # no pattern: a name

    def leftover(self, path: Path) -> Path:
        file = path.with_name(f".{path.name}.0123abcd.part")
        file.write_bytes(b"half")
        return file

    def test_go_before_their_room_is_needed(self, path: Path) -> None:
        file = self.leftover(path)
        with atomic_write(path):
            assert not file.exists()

    def test_of_a_live_process_stay(self, path: Path) -> None:
        """The lock counts, not the age; it separates two files opened by one process as it does two processes."""
        with atomic_write(path) as file:
            file.write(b"first")
            (temporary,) = path.parent.iterdir()
            os.utime(temporary, (0, 0))
            sweep_leftovers(path)
            write(path, b"second")
            assert temporary.exists()
        assert path.read_bytes() == b"first"
        assert list(path.parent.iterdir()) == [path]

    def test_what_looks_similar_stays(self, path: Path) -> None:
        for name in (".other.0123abcd.part", f".{path.name}.part", f".{path.name}.0123abcg.part", f"{path.name}.part"):
            path.with_name(name).touch()
        sweep_leftovers(path)
        assert len(list(path.parent.iterdir())) == 4

    def test_folder_and_link(self, path: Path) -> None:
        path.with_name(f".{path.name}.00000000.part").mkdir()
        victim, link = path.with_name("victim"), path.with_name(f".{path.name}.00000001.part")
        victim.write_bytes(b"precious")
        link.symlink_to(victim)
        write(path, b"whole")
        assert victim.read_bytes() == b"precious"
        assert link.is_symlink()

    def test_no_such_folder(self, tmp_path: Path) -> None:
        sweep_leftovers(tmp_path / "none" / "file")

    def test_swept_between_creation_and_lock(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lock, n_locked = files._lock, []

        def swept_first(descriptor: int) -> None:
            n_locked.append(descriptor)
            if len(n_locked) == 1:
                sweep_leftovers(path)
            lock(descriptor)

        monkeypatch.setattr(files, "_lock", swept_first)
        write(path, b"whole")
        assert len(n_locked) == 2
        assert list(path.parent.iterdir()) == [path]
        assert path.read_bytes() == b"whole"

    def test_file_system_without_locks(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_locks(*_: object) -> None:
            raise OSError(37, "No locks available")

        file = self.leftover(path)
        monkeypatch.setattr("fcntl.flock", no_locks)
        write(path, b"whole")
        assert path.read_bytes() == b"whole"
        assert file.exists()  # better too much than another's


class TestTemporaryNameIsTaken:
    @pytest.fixture
    def names(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        names = ["00000000", "00000001", "00000002"]
        monkeypatch.setattr("secrets.token_hex", lambda n: names.pop(0) if names else "ffffffff")
        return names

    def test_by_links_to_victims(self, tmp_path: Path, names: list[str], attack: Attack) -> None:
        path, victim = tmp_path / "file", tmp_path / "victim"
        victim.write_bytes(b"precious")
        links = [tmp_path / f".file.{name}.part" for name in names[:2]]
        links[0].symlink_to(victim)
        links[1].symlink_to(tmp_path / "nowhere")
        write(path, b"whole")
        assert names == []  # the third was free
        assert victim.read_bytes() == b"precious"
        assert {file.name for file in tmp_path.iterdir()} == {"file", "victim", *(link.name for link in links)}
        attack.ends["victim unharmed"] += 2

    def test_all_of_them(self, tmp_path: Path, names: list[str], attack: Attack) -> None:
        victim, link = tmp_path / "victim", tmp_path / ".file.ffffffff.part"
        victim.write_bytes(b"precious")
        link.symlink_to(victim)
        names.clear()
        with pytest.raises(FileExistsError, match="100 names in a row were taken"):
            write(tmp_path / "file", b"whole")
        assert victim.read_bytes() == b"precious"
        assert link.is_symlink()  # not ours to remove
        attack.ends["victim unharmed"] += 1


def test_eight_processes_write_and_sweep_at_once(tmp_path: Path, attack: Attack) -> None:
    context, n_times = fork_server(), 25 * attack.factor
    processes = [context.Process(target=write_often, args=(str(tmp_path / "file"), n_times)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
        attack.ends["whole file read back"] += n_times
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
