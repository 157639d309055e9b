"""Panoramic video: what a video model is given, how it is sampled, and how long paths are cut."""
