"""Pictures of every format and shape: what is read of them, and what is refused."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import ImageError, MissingExtraError, find_digits, to_mnist
from mnistlr.images import trace
from mnistlr.images.pieces import cut_out
from tests.conftest import Attack, ImageData

Image = pytest.importorskip("PIL.Image", reason="needs the extra images")
from tests.helpers.photos import on_a_page  # noqa: E402


@pytest.fixture(scope="module")
def page(mnist: ImageData) -> np.ndarray:
    """A digit with no symmetry, dark on grey, uint8, shape (112, n); its strokes are of a width that is left as it is,
    so that a grey level more or less stays one. Read-only: all tests look at this one.
    """
    for image in mnist.X_test[mnist.y_test == 4].reshape(-1, 28, 28):
        page = on_a_page([image], gap=12)
        steps = trace(page)
        if steps.digits[0].strokes.shape == cut_out(steps.ink)[0].shape:
            page.flags.writeable = False
            return page
    raise AssertionError("all fours were written with odd pens")


@pytest.fixture(scope="module")
def seen(page: np.ndarray) -> np.ndarray:
    """What the page becomes, (28, 28)."""
    return to_mnist(page)


def encoded(image: Any, kind: str, orientation: int = 0, **options: Any) -> bytes:
    """Write a picture to a file, turned so that EXIF data of this orientation turn it back."""
    if orientation:
        back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose that undoes each orientation
        image = image if orientation == 1 else image.transpose(back[orientation])
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def alike(one: np.ndarray, other: np.ndarray, levels: int) -> bool:
    return one.shape == other.shape == (28, 28) and int(np.abs(one.astype(int) - other).max()) <= levels


def differ_little(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the mean difference is below 3 when one is shifted by a pixel at most, as the centre of mass may be."""
    shifted = [np.roll(one.astype(int), (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return min(float(np.abs(image - other).mean()) for image in shifted) < 3


def test_arrays_of_every_type_and_light_ink_are_the_same_picture(page: np.ndarray, seen: np.ndarray) -> None:
    colours = np.repeat(page[:, :, None], 3, axis=2)
    opaque = np.dstack([colours, np.full(page.shape, 255, dtype=np.uint8)])
    types = [page.astype(np.float64), page.astype(np.int64), page.astype(np.uint16) * 257, (page / 255).astype("f4")]
    views = [page[::-1][::-1], page[:, :, None], page[None], page.tolist()]
    for same in (*types, *views, page / 255.0, colours, opaque, opaque / 255.0, 255 - page):
        assert alike(to_mnist(same), seen, 1)
    assert alike(to_mnist(page < 150), to_mnist(page >= 150), 0)
    assert alike(to_mnist(page.astype(np.uint16) * 16), seen, 3)  # 12 bits; white is the lightest then


def test_files_of_every_kind_are_the_same_picture(page: np.ndarray, seen: np.ndarray, tmp_path: Path) -> None:
    grey, deep = Image.fromarray(page), Image.fromarray(page.astype(np.uint16) * 257)
    floats, integers = Image.fromarray(page.astype(np.float32) / 255), Image.fromarray(page.astype(np.int32))
    same = [encoded(grey.convert(mode), "PNG") for mode in ("L", "RGB", "P", "LA")]
    same += [encoded(grey, kind) for kind in ("BMP", "GIF", "PPM")]
    same += [encoded(image, "TIFF") for image in (deep, floats, integers)]
    same += [encoded(deep, "PNG"), encoded(grey, "WEBP", lossless=True)]
    same += [encoded(grey, "GIF", save_all=True, append_images=[Image.new("L", grey.size)])]
    assert all(alike(to_mnist(contents), seen, 1) for contents in same)
    lossy = [encoded(grey.convert(mode), "JPEG", quality=95) for mode in ("L", "CMYK")]
    assert all(alike(to_mnist(contents), seen, 12) for contents in lossy)
    assert alike(to_mnist(encoded(Image.fromarray(page > 150), "PNG")), to_mnist(page > 150), 0)
    path = tmp_path / "page.png"
    grey.save(path)
    with path.open("rb") as file:
        for source in (path, str(path), file, bytearray(path.read_bytes()), Image.open(path), grey):
            assert np.array_equal(to_mnist(source), seen)


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("hidden", [0, 255, 128])
def test_transparent_drawings(page: np.ndarray, seen: np.ndarray, ink: int, hidden: int) -> None:
    """Ink of any colour on nothing, whatever colour the invisible pixels have."""
    coverage = ((200 - page) / 0.6).clip(0, 255).astype(np.uint8)
    colour = np.where(coverage > 0, ink, hidden).astype(np.uint8)
    drawing = Image.fromarray(np.dstack([colour, colour, colour, coverage]))
    assert alike(to_mnist(encoded(drawing, "PNG")), seen, 2)
    palette = encoded(drawing.quantize(), "PNG")
    assert "transparency" in Image.open(io.BytesIO(palette)).info
    assert alike(to_mnist(palette), seen, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_exif_data_say(page: np.ndarray, seen: np.ndarray, orientation: int) -> None:
    contents = encoded(Image.fromarray(page), "PNG", orientation)
    assert np.array_equal(to_mnist(contents), seen)
    (digit,) = find_digits(contents)
    assert digit.box == find_digits(page)[0].box


def test_coloured_ink_as_light_as_its_paper(page: np.ndarray, seen: np.ndarray) -> None:
    """Red on green of the same luminance, which a grey picture would not show."""
    red, green = np.array([200, 60, 60]), np.array([60, 131, 60])
    coverage = ((200 - page) / 153.0).clip(0, 1)[:, :, None]
    assert alike(to_mnist((red * coverage + green * (1 - coverage)).astype(np.uint8)), seen, 12)


def with_margins(page: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a larger page, and how far each pixel lies down and across it, from 0 to 1."""
    page = np.pad(page, 40, mode="edge").astype(float)
    return page, *np.meshgrid(*(np.linspace(0, 1, n) for n in page.shape), indexing="ij")


def test_uneven_light_a_shadow_and_dirt_make_no_difference(page: np.ndarray, seen: np.ndarray) -> None:
    page, y, x = with_margins(page)
    dirty = page.copy()
    dirty[8:11, 8:11] = dirty[-12:-10, 5:9] = 30
    for photo in (page * (0.3 + 0.7 * x * y), np.where(y > 0.9 - 0.2 * x, 0.5 * page, page), dirty):
        assert differ_little(to_mnist(photo), seen)


@pytest.mark.long
def test_a_strip_along_the_edge_in_shadow(mnist: ImageData) -> None:
    """The table, or the shadow of a book, is no ink, however dark: no digit runs along the edge."""
    n_right = 0
    for pixels in mnist.X_test[:12].reshape(-1, 28, 28):
        page, y, x = with_margins(on_a_page([pixels], gap=12))
        for strip in (x < 0.1, y > 0.9, (x < 0.1) | (y > 0.9)):
            n_right += differ_little(to_mnist(np.where(strip, 0.5 * page, page)), to_mnist(page))
    assert n_right >= 24  # of 36


def test_the_box_is_where_the_ink_is(page: np.ndarray) -> None:
    for enlarged in (1, 7):  # the larger is shrunk for the search
        picture = np.kron(page, np.ones((enlarged, enlarged), dtype=np.uint8))
        rows, columns = (np.flatnonzero((picture < 120).any(axis=axis)) for axis in (1, 0))
        (digit,) = find_digits(picture)
        expected = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
        assert np.abs(np.subtract(digit.box, expected)).max() <= 3 * enlarged


def test_sides_of_all_lengths() -> None:
    """A stroke in pictures of any shape, also of one row."""
    for shape in [(1, 40), (40, 1), (30, 700), (1100, 40), (4000, 3000)]:
        picture = np.full(shape, 220, dtype=np.uint8)
        middle = tuple(slice(n // 2 - n // 20, n // 2 + n // 20 + 1) for n in shape)
        picture[middle] = 20
        assert to_mnist(picture).max() == 255


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "0 bytes"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"some words", "no picture"),
        (b"GIF89a", "no picture|damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (np.zeros(5), "shape"),
        (np.zeros((5, 5, 2)), "shape"),
        (np.zeros((0, 5)), "shape"),
        (np.array([["a"]]), "numbers"),
        (np.full((5, 5), np.nan), "from 0"),
        (np.full((5, 5), np.inf), "from 0"),
        (np.full((5, 5), -1), "from 0"),
        (np.zeros((50, 50)), "empty"),
        (np.ones((50, 50), dtype=bool), "empty"),
        (np.zeros((50, 50, 4)), "empty"),
    ],
)
def test_what_is_no_picture_is_refused(source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        to_mnist(source)


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="expected a path"):
        to_mnist(7)
    with pytest.raises(FileNotFoundError):
        to_mnist("no such file.png")


@pytest.mark.parametrize(
    ("width", "message"), [(7000, "7000 x 8000 pixels, more than 50,0"), (112_500, "more than 50,0")]
)
def test_files_of_too_many_pixels_are_refused_before_they_are_unpacked(width: int, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        to_mnist(encoded(Image.new("1", (width, 8000)), "PNG"))


def test_large_files_are_decoded_small(page: np.ndarray) -> None:
    """The box is told in pixels of the whole picture, also of a JPEG on its side that is decoded at an eighth."""
    large = Image.fromarray(page).resize((page.shape[1] * 25, page.shape[0] * 25))
    expected = np.array(find_digits(page)[0].box) * 25
    for contents in (encoded(large, "PNG"), encoded(large, "JPEG"), encoded(large, "JPEG", 8)):
        assert np.abs(find_digits(contents)[0].box - expected).max() <= 50


@pytest.mark.parametrize("n_dots", [20, 31])
def test_dotted_paper_is_refused(n_dots: int) -> None:
    page = np.full((496, 496), 220, dtype=np.uint8)
    page[(np.indices(page.shape) % (496 // n_dots) < 4).all(axis=0)] = 40
    with pytest.raises(ImageError, match="dots or a pattern"):
        find_digits(page)


def test_damaged_files_are_refused_or_read(page: np.ndarray, attack: Attack) -> None:
    """Cut off, or with bytes changed: a digit, or one clear error, and never anything else."""
    random, image = np.random.default_rng(0), Image.fromarray(page)
    files = [encoded(image, kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")]
    for contents in files * (30 * attack.factor):
        n_left = random.integers(1, len(contents) + 1) if random.random() < 0.3 else len(contents)
        damaged = bytearray(contents[:n_left])
        for _ in range(random.integers(1, 5)):
            value, end = random.integers(256), 400 if random.random() < 0.5 else n_left  # headers matter most
            damaged[random.integers(min(n_left, end))] = value
        try:
            assert to_mnist(bytes(damaged)).shape == (28, 28)
            attack.ends["read"] += 1
        except ImageError:
            attack.ends["refused"] += 1


def test_without_pillow_arrays_still_work(page: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert to_mnist(page).max() == 255
    with pytest.raises(MissingExtraError, match=r"mnistlr\[images\]"):
        to_mnist(b"")
