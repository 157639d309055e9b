"""Collision: surfaces of panoramas, walls as triangles, and the occupied cells that block a walk."""
