"""Side-by-side figures of the package's speed; `python -m benchmarks` prints them and writes them into the docs."""
