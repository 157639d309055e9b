"""Going on: a world seen from a new place, how well a loop closes, where to go next, paths drawn by hand."""
