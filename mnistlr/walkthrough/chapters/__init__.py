"""The chapters of the walk-through, each a title and its exhibits."""
