// Written by scripts/make_format_lists.py.

/** Suffixes of the files that the viewer opens, without the dot. */
export const READABLE = ["ply", "spz", "splat", "ksplat", "sog"];
