"""Rotations, cameras and the sphere, on plain tensors."""
