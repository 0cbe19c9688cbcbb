"""From a plan to verdicts on it: pure functions, no I/O."""
