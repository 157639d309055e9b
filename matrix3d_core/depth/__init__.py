"""Panorama depth: repair, sky, scale, and a ground-plane stand-in that needs no model."""
