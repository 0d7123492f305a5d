"""The command line: what it prints where, what it refuses and how."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import ImageData, TinyMnist
from local_server import LocalServer
from sklearn.metrics import accuracy_score, confusion_matrix

from mnistlr import LogisticRegression, SoftmaxRegression, __version__, explain, load_mnist_5k, load_model, save_model
from mnistlr.cli import main
from mnistlr.datasets.named import load_named
from mnistlr.model_file import read_model_file

COMMANDS = ("tour", "fetch", "info", "show", "train", "evaluate", "predict", "explain", "draw", "warmup")


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in this process, in an empty folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        return Outcome(int(caught.value.code or 0), *capsys.readouterr())

    return run


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mnistlr", *map(str, arguments)],
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of the bundled digits: all ten, and a detector of 2."""
    folder, data = tmp_path_factory.mktemp("models"), load_named("digits")
    origin = {"name": "digits"}
    softmax = SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train)
    detector = LogisticRegression().fit(data.X_train, data.y_train == 2)
    return {
        "softmax": save_model(softmax, folder / "softmax.npz", provenance={"data": origin, "digit": None}),
        "detector": save_model(detector, folder / "detector.npz", provenance={"data": origin, "digit": 2}),
    }


# --- help, errors, streams ---------------------------------------------------------------------------------


def test_help_of_all_commands_fits_80_columns_and_has_an_example(run: Run) -> None:
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert all(f" {command} " in out for command in COMMANDS)
    assert run() == (0, out, "")
    for command in COMMANDS:
        status, out, err = run(command, "--help")
        assert (status, err) == (0, "")
        assert f"Example: mnistlr {command}" in out
        assert "[[" not in out  # an optional argument, in brackets twice
        assert max(map(len, out.splitlines())) <= 80


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from mnistlr.cli import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print({'numpy', 'numba', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"mnistlr {__version__}\n", "")


def assert_error(outcome: Outcome, status: int, message: str) -> None:
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("mnistlr: error: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw-me"], "draw-me"),
        (["tour", "--dataset", "cifar"], "cifar"),
        (["tour", "--dataset", "digits", "--data", "."], "--data FOLDER is for MNIST"),
        (["show"], "expected the INDEX of an image, or --grid"),
        (["show", "--grid", "10"], "expected --grid ROWSxCOLUMNS such as 10x10, got '10'"),
        (["show", "--grid", "0x3"], "expected --grid ROWSxCOLUMNS"),
        (["train", "--digit", "10"], "--digit"),
        (["train", "--digit", "two"], "--digit"),
        (["train", "--alpha", "-1"], "--alpha"),
        (["predict", "model.npz"], "--index"),
        (["evaluate"], "MODEL"),
        (["explain", "model.npz"], "expected one of the two: a PHOTO, or --index"),
        (["explain", "model.npz", "photo.png", "--index", "1"], "expected one of the two: a PHOTO, or --index"),
    ],
)
def test_misuse_is_one_line_and_status_2(run: Run, arguments: list[str], message: str) -> None:
    assert_error(run(*arguments), 2, message)


def test_other_errors_are_one_line_and_status_1(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no model")
    digits = ("--dataset", "digits")
    assert_error(run("show", 1797, *digits), 1, "expected the index of an image of digits, 0 to 1796, got 1797")
    assert_error(run("show", *digits, "--", -1), 1, "got -1")
    assert_error(run("show", 1790, "--grid", "2x5", *digits), 1, "got 1797")
    assert_error(run("show", 1, "--data", tmp_path), 1, "expected the four IDX files")
    assert_error(run("train", *digits, "--solver", "magic"), 1, "'solver'")
    assert_error(run("train", *digits, "-o", "no/model.npz"), 1, "there is no folder no")
    assert_error(run("train", *digits, "-o", "."), 1, "expected the name of a file to write")
    assert_error(run("tour", *digits, "-o", "."), 1, "expected the name of a file to write")
    assert_error(run("tour", *digits, "--no-report", "--notebook", "."), 1, "expected the name of a file to write")
    assert_error(run("show", 1, *digits, "-o", "no/image.png"), 1, "there is no folder")
    assert_error(run("show", 1, *digits, "-o", "image.npz"), 1, ".png, ")
    assert_error(run("evaluate", "."), 1, "is a folder")
    assert_error(run("evaluate", "none.npz"), 1, "expected a file, but there is no none.npz;")
    assert_error(run("evaluate", "text.npz"), 1, "text.npz is no model file")
    assert_error(run("predict", models["softmax"], "--index", 99999), 1, "got 99999")
    assert_error(run("evaluate", models["softmax"], "--dataset", "mnist_5k"), 1, "takes 64 features")
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("mnistlr*"))


def test_dataset_mnist_never_falls_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    status, out, err = run("tour", "--dataset", "mnist")
    assert (status, out) == (1, "")
    assert err.startswith("mnistlr: error: MNIST could not be had from any source; put its four IDX files")


def test_tour_without_mnist_takes_the_digits_and_says_so_first_and_last(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    status, out, _ = run("tour", "--no-report")
    assert status == 0
    for part in (out[:500], out[-500:]):
        assert "This is not MNIST, which could not be had." in part
        assert "Data: scikit-learn's bundled digits, 1,797 images" in part
        assert "mnistlr fetch" in part


def test_tour_of_mnist(run: Run, mnist: ImageData) -> None:
    status, out, _ = run("tour", "--dataset", mnist.name, "--seed", 1, "--n-jobs", 1, "--no-report")
    assert status == 0
    assert "a 2? True" in out
    assert [line for line in out.splitlines() if line.endswith(" s") and "─" in line][7].startswith("8. In short")
    assert max(map(len, out.splitlines())) <= 80
    if mnist.is_full:
        assert "2. Image 36001" in out


def test_streams_of_a_process() -> None:
    done = process("tour", "--dataset", "digits", "--no-report", NO_COLOR="1")
    assert done.returncode == 0
    assert "1. The data" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert set(done.stderr.splitlines()) <= {"compiling the loops: on the first run this takes a moment ..."}
    done = process("show", 5000, "--dataset", "digits")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mnistlr: error: expected the index of an image of digits, 0 to 1796, got 5000.\n"


@pytest.mark.long
def test_first_run_says_that_it_compiles_and_the_second_does_not(tmp_path: Path) -> None:
    arguments = ("train", "--dataset", "digits", "--digit", 2, "-o", tmp_path / "m.npz")
    notices = [process(*arguments, NUMBA_CACHE_DIR=str(tmp_path / "numba")).stderr for _ in range(2)]
    assert notices == ["compiling the loops: on the first run this takes a moment ...\n", ""]


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as in POSIX")
@pytest.mark.parametrize("arguments", [("show", "--grid", "200x1", "--dataset", "digits"), ("info", "--json"), ()])
def test_closed_pipe_is_quiet(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "mnistlr", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="a shell as in POSIX")
def test_closed_stdout_is_no_traceback() -> None:
    command = f"{shlex.quote(sys.executable)} -m mnistlr info --json >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as in POSIX")
def test_interrupt_is_one_line_and_status_130() -> None:
    code = (
        "import mnistlr.commands, time\n"
        "def wait(*_):\n    print('ready', flush=True); time.sleep(60)\n"
        "mnistlr.commands.load_named = wait\n"
        "from mnistlr.cli import main\n"
        "main(['train', '--dataset', 'digits'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert running.stderr.read().strip() == "mnistlr: interrupted"


# --- train, evaluate, predict ------------------------------------------------------------------------------


def test_train_ten_digits(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", "--dataset", "digits", "--seed", 5, "--alpha", 0.001)
    assert status == 0
    data = load_named("digits")
    peer = SoftmaxRegression(alpha=0.001, random_state=5).fit(data.X_train, data.y_train)
    model, provenance = read_model_file(tmp_path / "mnistlr-softmax.npz")
    assert np.array_equal(model.coef_, peer.coef_)
    assert model.alpha == 0.001
    accuracy = peer.score(data.X_test, data.y_test)
    assert f"accuracy {100 * accuracy:.2f} % on 359 test images (always " in out
    assert "saved mnistlr-softmax.npz" in out
    assert provenance["accuracy"] == accuracy
    assert provenance["seed"] == 5
    assert provenance["data"] == {"name": "digits", "sha256": data.checksums}


def test_train_a_detector(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", "--dataset", "digits", "--digit", 7, "--solver", "sgd")
    assert status == 0
    model, provenance = read_model_file(tmp_path / "mnistlr-is-it-a-7.npz")
    assert type(model) is LogisticRegression
    assert model.solver == "sgd"
    assert model.classes_.tolist() == [False, True]
    assert provenance["digit"] == 7
    data = load_named("digits")
    assert f'(always "False": {100 * np.mean(data.y_test != 7):.2f} %)' in out


def test_train_that_does_not_converge_warns_in_one_line(run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, out, err = run("train", "--dataset", "digits", "--max-iter", 1)
    assert status == 0
    assert ": 1 iteration in " in out
    assert err.startswith("mnistlr: warning: SoftmaxRegression(")
    assert err.count("\n") == 1


def test_evaluate(run: Run, models: dict[str, Path]) -> None:
    data = load_named("digits")
    predicted = load_model(models["softmax"]).predict(data.X_test)
    status, out, _ = run("evaluate", models["softmax"])
    assert status == 0
    assert f"accuracy {100 * accuracy_score(data.y_test, predicted):.2f} % on 359 test images" in out
    assert "most confused" in out
    assert max(map(len, out.splitlines())) <= 80
    status, out, err = run("evaluate", models["softmax"], "--json")
    found = json.loads(out)
    assert found["accuracy"] == accuracy_score(data.y_test, predicted)
    assert found["confusion_matrix"] == confusion_matrix(data.y_test, predicted).tolist()
    assert (found["dataset"], found["class"], err) == ("digits", "SoftmaxRegression", "")


def test_evaluate_a_detector(run: Run, models: dict[str, Path]) -> None:
    data = load_named("digits")
    predicted = load_model(models["detector"]).predict(data.X_test)
    found = json.loads(run("evaluate", models["detector"], "--json").out)
    assert found["confusion_matrix"] == confusion_matrix(data.y_test == 2, predicted).tolist()
    assert [row["label"] for row in found["classes"]] == [False, True]


def test_evaluate_a_model_of_some_digits_counts_the_others_as_wrong(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    some = data.y_train < 5
    model = SoftmaxRegression(random_state=0).fit(data.X_train[some], data.y_train[some])
    save_model(model, tmp_path / "some.npz", provenance={"data": {"name": "digits"}})
    found = json.loads(run("evaluate", "some.npz", "--json").out)
    assert found["n_samples"] == 359
    assert found["accuracy"] == np.mean(model.predict(data.X_test) == data.y_test) < 0.6


def test_predict(run: Run, models: dict[str, Path]) -> None:
    data, model = load_named("digits"), load_model(models["softmax"])
    status, out, _ = run("predict", models["softmax"], "--index", 2, "-i", 1796)
    assert status == 0
    assert "Image 2 of scikit-learn's bundled digits: predicted 2, label 2" in out
    assert "Image 1796 of" in out
    assert max(map(len, out.splitlines())) <= 80
    found = json.loads(run("predict", models["softmax"], "--index", 2, "-i", 1796, "--json").out)
    assert found["classes"] == list(range(10))
    X = np.stack([data.image(2)[0], data.image(1796)[0]])
    assert [answer["predicted"] for answer in found["answers"]] == model.predict(X).tolist()
    assert [answer["probabilities"] for answer in found["answers"]] == model.predict_proba(X).tolist()
    assert [answer["label"] for answer in found["answers"]] == [2, data.image(1796)[1]]


def test_predict_with_a_detector(run: Run, models: dict[str, Path]) -> None:
    assert "predicted True, label True" in run("predict", models["detector"], "-i", 2).out
    assert "predicted False, label False" in run("predict", models["detector"], "-i", 1).out


@pytest.mark.parametrize("name", ["softmax", "detector"])
def test_explain(run: Run, models: dict[str, Path], name: str) -> None:
    model, data = load_model(models[name]), load_named("digits")
    status, out, err = run("explain", models[name], "--index", 2)
    why = explain(model, data.image(2)[0])
    assert (status, err) == (0, "")
    label = 2 if name == "softmax" else True
    first = f"Image 2 of scikit-learn's bundled digits, label {label}\npredicted {why.label}, runner-up {why.runner_up}"
    assert out.startswith(first + "\n\n")
    assert f"{why.label} leads {why.runner_up} by {why.margin:.2f} nats" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_explain_to_a_file(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    status, out, _ = run("explain", models["softmax"], "-i", 2, "-o", "why.png")
    assert status == 0
    assert out.endswith("saved why.png\n")
    assert imread(tmp_path / "why.png").shape[2] == 4
    assert_error(
        run("explain", models["softmax"], "-i", 2, "-o", "why.xyz"),
        1,
        "expected a file name that ends in one of .",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["why.png"]


def test_explain_a_photo(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    from PIL import Image

    from mnistlr.images import to_mnist

    X, y = load_mnist_5k()
    model = SoftmaxRegression(random_state=0).fit(X, y)
    model.save(tmp_path / "model.npz")
    photo = 255 - np.pad(np.kron(X[700].reshape(28, 28), np.ones((8, 8), np.uint8)), 40)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    why = explain(model, to_mnist(tmp_path / "photo.png"))
    status, out, err = run("explain", "model.npz", "photo.png")
    assert (status, err) == (0, "")
    assert out.startswith(f"photo.png\npredicted {why.label}, runner-up {why.runner_up}\n\n")
    assert f"leads {why.runner_up} by {why.margin:.2f} nats" in out
    assert_error(run("explain", models["softmax"], "photo.png"), 1, "takes 64 features, but a picture becomes 28x28")
    assert_error(run("explain", "model.npz", "none.png"), 1, "none.png")


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal as in POSIX")
@pytest.mark.parametrize(("no_color", "arguments"), [("", ("explain", "-i", "2")), ("1", ("evaluate",))])
def test_colours_in_a_terminal_and_plain_text_where_NO_COLOR_is_set(
    models: dict[str, Path], no_color: str, arguments: tuple[str, ...]
) -> None:
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "mnistlr", arguments[0], str(models["softmax"]), *arguments[1:]]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", "NO_COLOR": no_color}
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment) as running:
        os.close(follower)
        out = b""
        while chunk := _read(leader):
            out += chunk
    os.close(leader)
    assert running.returncode == 0
    assert (b"\x1b" in out) == (not no_color)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.decode()).splitlines()
    assert max(map(len, lines)) <= 80


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


def test_predict_with_many_classes_shows_the_ten_most_probable(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    labels = data.y_train + 10 * (np.arange(len(data.y_train)) % 4)  # 40 classes
    model = SoftmaxRegression(random_state=0).fit(data.X_train, labels)
    model.save(tmp_path / "forty.npz", provenance={"data": {"name": "digits"}})
    out = run("predict", "forty.npz", "-i", 2).out
    assert max(map(len, out.splitlines())) <= 80
    shown = [int(word) for word in out.splitlines()[1].split()]
    assert shown == sorted(np.argsort(-model.predict_proba(data.image(2)[0][None])[0], kind="stable")[:10])


def test_models_without_provenance(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    words = np.array(["even", "odd"])[data.y_train % 2]
    for labels, name in ((words, "words"), (data.y_train == 2, "bool"), (data.y_train, "int")):
        cls = SoftmaxRegression if name == "int" else LogisticRegression
        save_model(cls(random_state=0).fit(data.X_train, labels), tmp_path / f"{name}.npz")
    digits = ("--dataset", "digits")
    assert_error(run("evaluate", "words.npz", *digits), 1, "the labels of this model, even, odd, are not digits")
    assert_error(run("predict", "bool.npz", "-i", 1, *digits), 1, "does not say which digit it detects")
    assert run("evaluate", "int.npz", *digits).status == 0
    outcome = run("evaluate", "int.npz", "--data", tmp_path)
    assert outcome.status == 1
    assert "four IDX files" in outcome.err


# --- fetch, info, show -------------------------------------------------------------------------------------


def test_fetch_from_a_folder_and_check(
    run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("MNISTLR_CACHE", str(cache))
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert out == "MNIST is not downloaded yet; `mnistlr fetch` gets it.\n"
    status, out, _ = run("fetch", "--from", tiny_mnist.write_to(tmp_path / "given"))
    assert status == 0
    assert out.count("ok ") == 4
    assert {path.name for path in cache.iterdir()} == set(tiny_mnist.raw)
    assert run("fetch", "--check").status == 0
    damaged = cache / "t10k-labels-idx1-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\xff")
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert out.count("PROBLEM") == 1
    assert "t10k-labels" in out.split("PROBLEM")[1].splitlines()[0]
    damaged.unlink()
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert "PROBLEM" not in out
    assert "missing  t10k-labels-idx1-ubyte; `mnistlr fetch` gets it." in out.splitlines()


def test_fetch_downloads(run: Run, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    status, out, _ = run("fetch")
    assert status == 0
    assert out.count("ok ") == 4


def test_fetch_without_a_network(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    status, out, err = run("fetch")
    assert (status, out) == (1, "")
    assert "switched off" in err


def test_info(run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tiny_mnist.write_to(tmp_path / "given")))
    found = json.loads(run("info", "--json").out)
    assert found["versions"]["mnistlr"] == __version__
    assert found["versions"]["numpy"] == np.__version__
    assert [file["ok"] for file in found["files"]] == [True] * 4
    assert str(tmp_path / "given") in found["data"]
    status, out, _ = run("info")
    assert status == 0
    assert str(tmp_path / "given") in out
    assert out.count("ok ") == 4


def test_info_tells_of_a_bad_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    status, out, _ = run("info")
    assert status == 1
    assert "PROBLEM           MNISTLR_DATA should name a folder with MNIST: expected the four IDX files" in out
    assert json.loads(run("info", "--json").out)["files"] == []


def test_info_before_the_download_and_after_damage(
    run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(cache))
    status, out, _ = run("info")
    assert status == 0
    assert "PROBLEM" not in out
    assert out.endswith("MNIST is not downloaded yet; `mnistlr fetch` gets it.\n")
    assert run("info", "--json").status == 0
    assert run("fetch", "--from", tiny_mnist.write_to(tmp_path / "given")).status == 0
    damaged = cache / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    status, out, _ = run("info")
    assert status == 1
    assert out.count("PROBLEM") == 1
    assert run("info", "--json").status == 1


def test_show_in_the_terminal(run: Run) -> None:
    status, out, _ = run("show", 2, "--dataset", "digits")
    assert status == 0
    assert "█" in out
    assert out.endswith("label 2\n")
    assert len(out.splitlines()) == 13
    status, out, _ = run("show", "--grid", "10x10", "--dataset", "mnist_5k")
    assert status == 0
    assert len(out.splitlines()) == 40
    assert max(map(len, out.splitlines())) <= 80


def test_show_36001(run: Run, mnist: ImageData) -> None:
    if not mnist.is_full:
        pytest.skip("needs all of MNIST: set MNISTLR_DATA")
    assert run("show", 36001).out.endswith("Image 36001 of MNIST (training set), label 2\n")


@pytest.mark.parametrize("arguments", [("show", 2), ("show", "--grid", "3x4")])
def test_show_to_a_file(run: Run, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    assert run(*arguments, "--dataset", "digits", "-o", "digits.png").out == "saved digits.png\n"
    picture = imread(tmp_path / "digits.png")
    assert picture.min() == 0  # ink
    assert picture.mean() > 0.5  # on paper
    outcome = run(*arguments, "--dataset", "digits", "-o", "digits.xyz")
    assert_error(outcome, 1, "expected a file name that ends in one of .")
    assert [path.name for path in tmp_path.iterdir()] == ["digits.png"]


def test_show_to_a_file_without_matplotlib(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = run("show", 2, "--dataset", "digits", "-o", "digits.png")
    assert_error(outcome, 1, "pip install 'mnistlr[plots]'")
