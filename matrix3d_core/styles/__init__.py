"""Other looks of a world: views that cover it, styles for pictures, and colors refitted from edited views."""
