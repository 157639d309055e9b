"""Light of a world: shadows through its own geometry, and a world under another sun, at night, in fog."""
