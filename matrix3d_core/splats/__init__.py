"""Editing of splats after the fit: crop, clean, prune, LOD, transform, merge, mesh extraction, rendering."""
