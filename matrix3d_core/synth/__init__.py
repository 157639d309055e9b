"""Procedural scenes with exact colour and ray distance from any viewpoint."""
