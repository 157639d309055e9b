"""Panorama geometry to scene mesh, guidance frames along a path, and inpainting of their holes."""
