"""Picture files that say of themselves where on the sphere they belong."""

from __future__ import annotations


def quarter_xmp(columns: int, rows: int) -> bytes:
    """Return the XMP packet of a picture that shows the upper right quarter of the sphere, seen from inside."""
    tags = {
        **{"FullPanoWidthPixels": 2 * columns, "FullPanoHeightPixels": 2 * rows},
        **{"CroppedAreaLeftPixels": columns, "CroppedAreaTopPixels": 0},
        **{"CroppedAreaImageWidthPixels": columns, "CroppedAreaImageHeightPixels": rows},
    }
    written = " ".join(f"GPano:{name}='{value}'" for name, value in tags.items())
    return f"<rdf:Description xmlns:GPano='http://ns.google.com/photos/1.0/panorama/' {written}/>".encode()
