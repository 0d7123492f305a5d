"""`mnistlr draw`: which model the page gets, what is written, what is opened."""

import json
import os
import re
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression, save_model
from mnistlr.cli import main
from mnistlr.draw.model import last_trained_model
from tests.conftest import ImageData


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Work in an empty folder; collect what would be opened in the browser."""
    monkeypatch.chdir(tmp_path)
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture(scope="module")
def model(small_mnist: ImageData) -> SoftmaxRegression:
    return SoftmaxRegression(random_state=0).fit(small_mnist.X_train, small_mnist.y_train)


@pytest.fixture(scope="module")
def small_model(digits: ImageData) -> LogisticRegression:
    """A model of 8x8 pixels."""
    return LogisticRegression().fit(digits.X_train, digits.y_train == 2)


def draw(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["draw", *map(str, arguments)])
    return int(caught.value.code or 0)


def page_model(path: str) -> Any:
    """What the page knows of its model."""
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', Path(path).read_text("utf-8"))
    assert found is not None
    return json.loads(found[1])


def age(path: Path, seconds: float) -> None:
    os.utime(path, (path.stat().st_atime - seconds, path.stat().st_mtime - seconds))


def test_a_named_model_is_drawn_on_and_opened(
    model: SoftmaxRegression, tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(model, "digits.npz")
    assert draw("digits.npz") == 0
    assert capsys.readouterr() == ("saved mnistlr-draw.html\n", "")
    assert opened == [(tmp_path / "mnistlr-draw.html").as_uri()]
    assert page_model("mnistlr-draw.html")["labels"] == [str(digit) for digit in range(10)]
    assert draw("digits.npz", "-o", "other.html", "--no-open") == 0
    assert len(opened) == 1
    assert Path("other.html").read_bytes() == Path("mnistlr-draw.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "mnistlr-draw.html", "other.html"]


def test_without_a_browser_it_says_so(
    model: SoftmaxRegression, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    save_model(model, "digits.npz")
    assert draw("digits.npz") == 0
    assert capsys.readouterr().err == "mnistlr: no browser was found; open mnistlr-draw.html in one\n"


def test_the_last_trained_model_is_taken(
    model: SoftmaxRegression, small_model: LogisticRegression, small_mnist: ImageData, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    detector = LogisticRegression().fit(small_mnist.X_train, small_mnist.y_train == 7)
    age(save_model(model, "a-new.npz"), 10)
    age(save_model(detector, "b-old.npz", provenance={"digit": 7}), 20)
    # Newer, but none of them is a model of 28x28 pixels.
    save_model(small_model, "small.npz")
    np.savez("arrays.npz", x=np.arange(3))
    np.savez("other.npz", header=np.arange(3), coef=np.arange(3))
    Path("text.npz").write_text("no archive")
    later = bytearray(Path("arrays.npz").read_bytes())
    later[later.index(b"PK\1\2") + 6] = 255  # the version of zip that it takes to read the first part
    Path("later.npz").write_bytes(later)
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.npz")
    Path("folder.npz").mkdir()
    assert draw("--no-open") == 0
    assert capsys.readouterr().err == "mnistlr: taking a-new.npz, the newest model in this folder\n"
    assert len(page_model("mnistlr-draw.html")["labels"]) == 10
    age(Path("a-new.npz"), 20)
    assert draw("--no-open") == 0
    assert "taking b-old.npz" in capsys.readouterr().err
    assert page_model("mnistlr-draw.html")["labels"] == ["not 7", "7"]
    found = last_trained_model(tmp_path)
    assert found is not None
    assert np.array_equal(found[1].model.coef_, detector.coef_)


def test_a_link_to_nowhere_is_passed_over(model: SoftmaxRegression, tmp_path: Path) -> None:
    save_model(model, "digits.npz")
    try:
        Path("lost.npz").symlink_to("nowhere.npz")
    except OSError:
        pytest.skip("no symbolic links here")
    found = last_trained_model(tmp_path)
    assert found is not None
    assert found[0].name == "digits.npz"


def test_without_a_model_the_page_has_the_reader_that_comes_along(
    capsys: pytest.CaptureFixture[str], opened: list[str], tmp_path: Path
) -> None:
    assert draw() == 0
    assert capsys.readouterr() == ("saved mnistlr-draw.html\n", "")
    assert len(opened) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mnistlr-draw.html"]
    text = Path("mnistlr-draw.html").read_text("utf-8")
    assert "trained on MNIST; it gets 99.4 % of the test images right" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.npz",), "there is no none.npz"),
        (("small.npz",), "the model takes 64; give one that was trained on MNIST, or none."),
        (("small.npz", "-o", "no/page.html"), "there is no folder no."),
    ],
)
def test_errors_write_and_open_nothing(
    arguments: tuple[str, ...], message: str, small_model: LogisticRegression, tmp_path: Path, opened: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    save_model(small_model, "small.npz")
    assert draw(*arguments) == 1
    out, err = capsys.readouterr()
    assert (out, opened) == ("", [])
    assert err.startswith("mnistlr: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]
