"""What is done to splats after the fit: cut, clean, thin out, move, join, turn into a mesh, draw along a path."""
