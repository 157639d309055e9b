"""Panoramic video: prompts, segments of long paths, and the guidance that continues them."""
