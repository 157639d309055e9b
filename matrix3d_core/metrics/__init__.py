"""Numbers that say how good a picture is."""
