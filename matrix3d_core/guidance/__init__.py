"""Panorama geometry to scene mesh, guidance frames along a path, and filling of what they leave open."""
