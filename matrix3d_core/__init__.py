"""Panorama to walkable world: the host-free library behind the ComfyUI nodes.

Importing this package imports nothing heavy; import the rooms you need.
"""

__version__ = "0.1.0"
