"""Procedural scenes with exact color and ray distance from any viewpoint."""
