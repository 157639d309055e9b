"""Backends that draw meshes and Gaussians, behind one registry per kind."""
