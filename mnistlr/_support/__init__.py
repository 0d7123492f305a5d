"""Helpers that know nothing of learning: files, threads, arrays, extras, and scikit-learn's conventions."""
