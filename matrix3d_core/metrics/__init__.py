"""Numbers that say how good a picture, a video and its cameras are."""
