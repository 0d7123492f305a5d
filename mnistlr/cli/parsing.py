"""How options are read and shown: numbers with a sentence for what is none, and help without the types of Python."""

import math
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

Numbers = int | list[int] | None


def whole(least: int | None = None, most: int | None = None) -> dict[str, Any]:
    """Return what makes a `typer.Option` or `typer.Argument` take whole numbers, within bounds where there are any."""
    return {"parser": _reader(int, "a whole number", least, most), "metavar": "NUMBER"}


def real(least: float | None = None) -> dict[str, Any]:
    """Return what makes a `typer.Option` or `typer.Argument` take finite numbers, from ``least`` on if there is one."""
    return {"parser": _reader(float, "a finite number", least, None), "metavar": "NUMBER"}


def images_of(index: Numbers, train: Numbers, test: Numbers) -> list[tuple[str, int]]:
    """Return the images that options name: the part ("train", "test", or "" for all) and the number in it."""
    given = {"": index, "train": train, "test": test}
    lists = {part: [numbers] if isinstance(numbers, int) else numbers or [] for part, numbers in given.items()}
    return [(part, number) for part, numbers in lists.items() for number in numbers]


def shape_of(grid: str | None) -> tuple[int, int] | None:
    """Return rows and columns of what --grid names."""
    if grid is None:
        return None
    rows, x, columns = grid.lower().partition("x")
    if not (x and rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise typer.BadParameter(f"expected --grid ROWSxCOLUMNS such as 10x10, got {grid!r}.")
    return int(rows), int(columns)


class Commands(TyperGroup):
    """The commands, in whose help there are no types of Python: typer would show ``<bool>`` and ``<list[Path]>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of the whole."""
        return _without_types(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _without_types(command.get_params(ctx))
        return command


def _reader(
    of: type[int] | type[float], kind: str, least: float | None, most: float | None
) -> Callable[[str], int | float]:
    bounds = "" if least is None else f" from {least} {'on' if most is None else f'to {most}'}"

    def read(text: str) -> int | float:
        try:
            number = of(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and (least is None or number >= least) and (most is None or number <= most)):
            raise typer.BadParameter(f"expected {kind}{bounds}, got '{text}'.")
        return number

    return read


def _without_types(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if parameter.param_type_name == "argument":  # its name says enough
            parameter.display_type_rich = lambda ctx: None
        elif parameter.is_flag:
            parameter.metavar = ""
    return parameters
