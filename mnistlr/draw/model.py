"""Choose a model for the drawing page when the user names none: the newest in the folder."""

from pathlib import Path

from mnistlr._support.files import open_plain
from mnistlr.exceptions import ModelFileError
from mnistlr.images.normalise import SIDE
from mnistlr.saving.model_file import ModelFile, read_model_file
from mnistlr.saving.npz import Npz


def last_trained_model(folder: Path) -> tuple[Path, ModelFile] | None:
    """Return the newest model of 28x28 pixels in a folder, its file first; None if there is none.

    Parameters
    ----------
    folder : Path
        Looked through for ``*.npz``; files that are no models, or models of other images, are passed over.
    """
    for path in sorted(folder.glob("*.npz"), key=_modified, reverse=True):
        if not _looks_like_a_model(path):
            continue
        try:
            saved = read_model_file(path)
        except (ModelFileError, OSError):
            continue
        if saved.model.n_features_in_ == SIDE * SIDE:
            return path, saved
    return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone in the meantime, or a link to nowhere
        return -1.0


def _looks_like_a_model(path: Path) -> bool:
    """Return whether a file has the header of a model; unlike loading it, this is quick for any size."""
    try:
        with open_plain(path, ModelFileError) as file:
            return "header" in Npz(file).names
    except Exception:  # whatever damaged bytes provoke in zipfile: it is no model
        return False
