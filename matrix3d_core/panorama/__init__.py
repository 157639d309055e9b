"""Panoramas as pictures: photos onto the sphere and back, orientation, color and layouts."""
