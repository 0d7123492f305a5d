"""Run the race."""

from benchmarks.race.run import main

if __name__ == "__main__":  # not in the processes that measure memory
    main()
