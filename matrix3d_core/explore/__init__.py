"""Going on: a world seen from a new place, where to go next, and the back end of the path editor."""
