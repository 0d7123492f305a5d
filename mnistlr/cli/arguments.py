"""What the arguments of a command are, where a place may hold one thing or another."""

from pathlib import Path


def model_first(first: Path | None, others: list[Path]) -> tuple[Path | None, list[Path]]:
    """Tell a model file from a picture in the first place: its name ends in .npz, or it is a zip.

    Returns
    -------
    Path or None, list of Path
        The model, and the pictures.
    """
    if first is None or first.suffix.lower() == ".npz":
        return first, others
    if first.is_file():  # neither a pipe, which might never open, nor a folder
        with open(first, "rb") as file:
            if file.read(2) == b"PK":
                return first, others
    return None, [first, *others]
