"""Help that knows nothing of learning: files, threads, and what other libraries need."""
