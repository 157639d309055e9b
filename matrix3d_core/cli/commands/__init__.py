"""The commands of the console, one per file: `HELP`, `DESCRIPTION`, `add_options` and `run`."""
