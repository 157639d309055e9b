"""Extending worlds: the panorama of a new viewpoint, the next best view, and the back end of the path editor."""
