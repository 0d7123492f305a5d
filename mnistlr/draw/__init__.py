"""The page to draw a digit on: one file that loads nothing."""
