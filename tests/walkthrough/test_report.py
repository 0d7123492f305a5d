"""The report: one page with nothing outside; its code runs, its numbers are right, a browser finds no fault."""

import base64
import dataclasses
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, precision_score, recall_score, roc_auc_score

from mnistlr._support.threads import count_threads, default_n_jobs
from mnistlr.datasets.named import load_named
from mnistlr.walkthrough import About, Walk, build, write_page
from mnistlr.walkthrough.chapters import the_data
from mnistlr.walkthrough.exhibit import Chapter, Exhibit, Names, Seen, Table, percent
from mnistlr.walkthrough.report import EmbeddedPicture, render_page
from mnistlr.walkthrough.run import run_code, run_exhibit
from tests.conftest import ImageData
from tests.helpers.command_runs import Run

pytest.importorskip("matplotlib")

CHAPTERS = ["data", "detector", "ten-digits", "confusion", "mistakes", "better-eyes", "solvers"]


class Page(HTMLParser):
    """Elements with their attributes, headings, texts of code, all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.codes: list[str] = []
        self.text = ""
        self.inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "link"):
            self.inside.append(tag)
        if self.inside[-2:] == ["pre", "code"]:
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.inside[-2:] == ["pre", "code"]:
            self.codes[-1] += data
        if self.inside[-1:] not in (["style"], ["script"]):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the bundled digits."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    walk = Walk(About.of(load_named("digits")))
    list(walk.run())
    return write_page(path, walk, ["This is not MNIST."])


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def names(page: Page) -> Names:
    """What the code on the page, run from top to bottom, leaves behind."""
    names: Names = {}
    *chapters, before = page.codes  # the imports are at the end of the page
    for code in (before, *chapters):
        run_code(code, names)
    return names


@pytest.fixture(scope="module")
def text(page: Page) -> str:
    """The sentences of the page."""
    return re.sub(r"\s+", " ", page.text)


# --- the page ----------------------------------------------------------------------------------------------


def test_nothing_is_outside_the_file(path: Path, page: Page) -> None:
    assert path.stat().st_size < 4e6
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "href") or (value or "").startswith(("data:", "#"))
    html = path.read_text(encoding="utf-8")
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    *_, script = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    (policy,) = (m["content"] for m in page.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    for_script, for_style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)
    )
    assert policy == (
        f"default-src 'none'; img-src data:; script-src 'sha256-{for_script}'; style-src 'sha256-{for_style}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_contents_headings_and_pictures(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.of("a")]
    assert {link[1:] for link in links if link} <= set(ids)
    assert [heading["id"] for heading in page.of("h2")] == ["contents", *CHAPTERS, "run"]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))

    exhibits = [e for chapter in build.build_chapters(About.of(load_named("digits"))) for e in chapter.exhibits]
    assert [heading["id"] for heading in page.of("h3")] == [exhibit.name for exhibit in exhibits]
    assert {f"#{name}" for name in (*CHAPTERS, *(e.name for e in exhibits))} <= set(links)
    assert page.codes[:-1] == [exhibit.cell for exhibit in exhibits]
    pictures = page.of("img")
    n_drawn = sum(bool(exhibit.drawing) for exhibit in exhibits)
    n_printed = sum("print(" in exhibit.drawing for exhibit in exhibits)
    assert n_drawn - n_printed == len(exhibits) - 3
    assert len(pictures) == n_drawn - n_printed + 4 == 32  # four show two
    assert all(len(picture["alt"] or "") > 30 for picture in pictures)
    assert all(int(picture["width"] or 0) > 100 and int(picture["height"] or 0) > 100 for picture in pictures)
    assert "This is not MNIST." in page.text
    assert re.search(r"is it a 2\? test images\s*\d+\.\d\d\N{NO-BREAK SPACE}%", page.text)


def test_text_is_escaped() -> None:
    exhibit = Exhibit(
        "one", "A < B & C", "y = x < 1 and '<b>'", "", "Read <i>this</i>.", lambda _: Seen("See <u>that</u>.", ())
    )
    about = dataclasses.replace(About.of(load_named("digits")), title="<script>alert(1)</script>")
    shown = [(Chapter("c", "<s>", "<em>", [exhibit]), [run_exhibit(exhibit, {"x": 2})])]
    html = render_page(about, "<before>", shown, Table(("accuracy",), [("99.00 %",)]), ["<notice>"])
    tags = {tag for tag, _ in Page(html).elements}
    assert not tags & {"i", "u", "s", "b", "em", "before", "notice"}
    assert html.count("<script>") == 1
    lines = {line.strip() for line in Page(html).text.splitlines()}
    assert {"A < B & C", "y = x < 1 and '<b>'", "Read <i>this</i>.", "See <u>that</u>."} <= lines


def test_the_same_figure_gives_the_same_bytes() -> None:
    from mnistlr.plots import plot_accuracies

    accuracies = {"one": 0.9, "two": 0.8}
    first, second = (EmbeddedPicture.of(plot_accuracies(accuracies).figure, "two bars") for _ in range(2))
    assert first == second
    assert first.source.startswith("data:image/svg+xml;base64,")


def test_a_legend_fits_a_narrow_picture() -> None:
    from mnistlr.plots import plot_class_balance, plot_folds

    for axes in (plot_class_balance([0, 1] * 30_000, [0, 1] * 9999), plot_folds([0.9] * 5, [0.8] * 5)):
        assert EmbeddedPicture.of(axes.figure, "bars").width <= 442
        box = axes.figure.axes[0].get_legend().get_window_extent()
        assert 0 <= box.x0 < box.x1 <= axes.figure.bbox.width


# --- the code and the numbers ------------------------------------------------------------------------------


def test_code_is_run_like_a_notebook_cell() -> None:
    names: Names = {"x": 1}
    assert run_code("y = x + 1\ndisplay(x, y)\nprint('hello')\ny", names) == ([1, 2, 2], "hello\n")
    assert run_code("z = y", names) == ([], "")
    assert run_code("None", names) == ([], "")
    assert names["z"] == 2
    with pytest.raises(ZeroDivisionError):
        run_code("1 / 0", names)


def test_code_on_the_page_runs_and_gives_its_numbers(text: str, names: Names) -> None:
    """The numbers in the sentences are scikit-learn's, of what the code computes."""
    data = load_named("digits")
    is_2, scores = names["is_2"], names["scores"]
    precision, recall = precision_score(is_2, scores > 0), recall_score(is_2, scores > 0)
    assert f"precision is {percent(precision)} and recall is {percent(recall)}." in text
    assert f"the area under it: {percent(average_precision_score(is_2, scores))}." in text
    assert f"The area under this curve is {percent(roc_auc_score(is_2, scores), 2)}," in text
    chosen = names["detector"].decision_function(data.X_test) >= names["threshold"]
    assert names["chosen"].matrix.tolist() == confusion_matrix(data.y_test == 2, chosen).tolist()
    assert precision_score(is_2, scores >= names["threshold"]) >= 0.98

    matrix = confusion_matrix(data.y_test, names["softmax"].predict(data.X_test))
    assert names["summary"].matrix.tolist() == matrix.tolist()
    right, n = matrix.trace(), matrix.sum()
    assert f"{right} of {n} pictures lie on the diagonal: {percent(right / n, 2)}" in text
    often = np.bincount(data.y_test).max()
    assert f"would be right {often} times, or {percent(often / len(data.y_test), 2)}" in text
    assert f"{percent(np.mean(data.y_test != 2), 2)}" in text
    p = names["probabilities"]
    assert p.sum(axis=1) == pytest.approx(1)
    wrong = p.argmax(axis=1) != data.y_test
    assert p[names["worst"]].max(axis=1) == pytest.approx(np.sort(p[wrong].max(axis=1))[::-1][:10])
    assert set(names["runs"]) == {"lbfgs", "newton", "sgd", "svrg", "nesterov", "gd"}
    least = min(course["objective"].min() for course in names["runs"].values())
    assert names["runs"]["newton"]["objective"][-1] == pytest.approx(least, rel=1e-4)


def test_every_accuracy_stands_beside_its_baseline(text: str) -> None:
    assert len(re.findall("[Aa]lways (?:answering|giving|the most)|Guessing", text)) >= 8


@pytest.mark.parametrize("name", ["mnist", "mnist_5k"])
def test_code_fits_the_data_set(name: str, tmp_path: Path) -> None:
    digits = About.of(load_named("digits"))
    folder = str(tmp_path) if name == "mnist" else None
    about = dataclasses.replace(digits, name=name, folder=folder, example=36001, n_test=1000, seed=7)
    codes = "\n".join(e.cell for chapter in build.build_chapters(about) for e in chapter.exhibits)
    code = f"{the_data.imports(about)}\n{codes}"
    compile(code, "<walk-through>", "exec")
    wanted = {
        "mnist": ("import load_mnist, shuffle, split_mnist", f"load_mnist({folder!r}, return_all=True)"),
        "mnist_5k": ("load_mnist_5k, shuffle, stratified_split", "(X, y, test_size=1000, random_state=0)"),
    }
    assert all(part in code for part in (*wanted[name], "random_state=7"))
    assert "picture, label = X[36001], y[36001]" in codes
    assert "random_state=42" not in codes


def test_default_n_jobs() -> None:
    with default_n_jobs(3):
        assert count_threads() == 3
        assert count_threads(2) == 2
        with default_n_jobs(None):
            assert count_threads() == count_threads(-1)
    assert count_threads() == count_threads(-1)


# --- the file ----------------------------------------------------------------------------------------------


def test_the_command_without_matplotlib_says_so(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mnistlr.cli.tour.find_spec", lambda _: None)
    status, out, err = run("tour", "--dataset", "digits")
    assert status == 0
    assert "saved" not in out
    assert err == (
        "mnistlr: the report needs matplotlib, which is not installed; install it with: pip install 'mnistlr[plots]'\n"
    )
    assert run("tour", "--dataset", "digits", "--no-report").err == ""
    assert list(tmp_path.iterdir()) == []


def test_command_writes_the_report(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chapters = build.build_chapters
    monkeypatch.setattr(build, "build_chapters", lambda about: [in_words(chapter) for chapter in chapters(about)])
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    status, out, err = run("tour", "--dataset", "digits", "--seed", 3, "--n-jobs", 1, "--open")
    assert (status, err) == (0, "")
    saved, following = out.splitlines()[-2:]
    assert saved == "saved mnistlr-report.html"
    assert following.startswith("Next: mnistlr learn")
    assert opened == [(tmp_path / "mnistlr-report.html").as_uri()]
    text = (tmp_path / "mnistlr-report.html").read_text(encoding="utf-8")
    assert "random_state=3" in text
    (ours, baseline) = re.findall(r"all ten digits, test images +([\d.]+ %) +([\d.]+ %)", out)[0]
    assert f"<td>{ours}</td><td>{baseline}</td>".replace(" %", "\N{NO-BREAK SPACE}%") in text


def in_words(chapter: Chapter) -> Chapter:
    """Return the chapter without the exhibits that only the page has; some of them are long."""
    return dataclasses.replace(chapter, exhibits=[exhibit for exhibit in chapter.exhibits if exhibit.in_words])


@pytest.mark.long
def test_report_of_mnist(mnist: ImageData, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    command = [sys.executable, "-m", "mnistlr", "tour", "--dataset", mnist.name, "-o", path]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert f"\nsaved {path}\n" in done.stdout
    assert path.stat().st_size < 4e6
    assert '<h3 id="example">Image 36001</h3>' in path.read_text(encoding="utf-8") or not mnist.is_full


# --- in a browser ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), pytest.param(1280, "dark", marks=pytest.mark.long)])
def test_browser_finds_nothing_wrong(browser: Any, path: Path, width: int, scheme: str) -> None:
    """No request, no message, no barrier that axe-core knows of, nothing wider than the window."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, told, requests = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme), [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: requests.append(request.url[:60]))
    page.goto(path.as_uri())
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()[:60]]
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    # On a phone no picture of an exhibit is drawn smaller than it was made, or its text could not be read.
    widths = page.evaluate(
        "[...document.querySelectorAll('.pictures img')].map(it => [it.width, it.getAttribute('width')])"
    )
    assert width > 640 or all(shown in (0, int(made) - 1, int(made)) for shown, made in widths)
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_print_cuts_no_picture(browser: Any, path: Path) -> None:
    """On A4, 180 x 265 mm between the margins, a picture keeps its title and its words, on less than a page.

    The code may follow on the next page, or much of this one would stay empty.
    """
    page = browser.new_page(viewport={"width": round(180 / 25.4 * 96), "height": 1000}, color_scheme="dark")
    page.goto(path.as_uri())
    page.emulate_media(media="print", color_scheme="light")
    kept = page.evaluate(
        "[...document.querySelectorAll('.exhibit > :first-child')].map(part =>"
        " [getComputedStyle(part).breakInside, part.getBoundingClientRect().height])"
    )
    assert {inside for inside, _ in kept} == {"avoid"}
    assert max(height for _, height in kept) < 265 / 25.4 * 96
    n_pages = len(re.findall(rb"/Type */Page\b", page.pdf(format="A4")))
    n_full = page.evaluate("document.documentElement.scrollHeight") / (265 / 25.4 * 96)
    assert 0 < 0.8 * n_pages < n_full  # they are four fifths full, taken together
    images = page.evaluate(
        "[...document.querySelectorAll('.exhibit img')].map(image =>"
        " [getComputedStyle(image).filter, image.getBoundingClientRect().right])"
    )
    assert {image_filter for image_filter, _ in images} == {"none"}
    assert max(right for _, right in images) <= 180 / 25.4 * 96
    page.close()


def test_without_script_all_is_there(browser: Any, path: Path) -> None:
    """Pictures stand where the script would move something, and code is unfolded."""
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert page.locator(".live:visible").count() == 0
    assert page.locator(".live").count() == page.locator(".exhibit:has(.live) .pictures:visible").count() == 3
    assert page.locator("details[open]").count() == page.locator("details").count() > 20
    page.close()


def test_what_moves_says_what_the_model_says(browser: Any, path: Path, names: Names) -> None:
    """The scores of a picture, the counts beyond a threshold and the moments of training are those of the code."""
    page, errors = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    assert page.locator("details[open]").count() == 0

    model, y_test, y_pred = names["softmax"], names["y_test"], names["y_pred"]
    (index,) = np.flatnonzero(y_test != y_pred)[:1]
    cell = page.locator(".cells tbody tr").nth(y_test[index]).locator("button").nth(y_pred[index])
    cell.click()
    told = page.locator(".sums").inner_text()
    shown = int(re.findall(r"Test picture (\d+)", told)[0])
    scores = model.decision_function(names["X_test"][shown : shown + 1])[0]
    for digit, score in re.findall(r"Score of (\d).*?Together (\S+)\.\n", told, re.DOTALL):
        assert float(score.replace("\N{MINUS SIGN}", "-")) == pytest.approx(scores[int(digit)], abs=0.006)
    assert (y_test[shown], y_pred[shown]) == (y_test[index], y_pred[index])
    page.get_by_role("button", name="share of its row").click()
    assert float(cell.inner_text()) == pytest.approx(
        100 * np.mean(y_pred[y_test == y_test[index]] == y_pred[index]), abs=0.51
    )

    slider = page.get_by_role("slider", name="threshold")
    slider.fill("40")
    threshold = float(page.locator(".threshold .said").inner_text().split()[1].replace("\N{MINUS SIGN}", "-"))
    is_2, scores = names["is_2"], names["scores"]
    cells = [int(text.replace(",", "")) for text in page.locator(".threshold td").all_inner_texts() if text]
    expected = [
        np.sum((is_2 == kind) & ((scores >= threshold) == answer)) for kind in (False, True) for answer in (0, 1)
    ]
    assert cells == pytest.approx(expected, abs=1)  # a score on the edge of a bin

    slider = page.get_by_role("slider", name="moment of the training")
    slider.fill("0")
    error = percent(names["forming"]["test_error"][0])
    assert (
        page.locator(".training .said").inner_text() == f"after 16 pictures, {error} of the test pictures are misread"
    )
    assert errors == []
    page.close()


def test_equal_shares_are_written_alike() -> None:
    """11.35 % lies between two roundings: it is not to be 11.3 % here and 11.4 % there."""
    assert percent(1135 / 10_000) == percent(1 - 8865 / 10_000) == percent(1 - np.mean(np.arange(10_000) >= 1135))
