"""Panoramas as pictures: photos onto the sphere and back, and everything about the left/right border."""
