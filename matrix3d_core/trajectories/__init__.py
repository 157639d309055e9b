"""Camera paths: presets, splines, editing, clearance, conversion, plots."""
