"""A geometry's report in words."""

from __future__ import annotations

from ..scene.panorama import PanoramaGeometry

__all__ = ["describe_geometry"]

_MOST_SPAN = 1000.0  # from a railing at arm's length to the far side of a valley


def describe_geometry(geometry: PanoramaGeometry) -> str:
    """Return what was done to the distances, a few plain lines."""
    report = geometry.report
    unit = "m" if geometry.is_metric else "units"
    low, high = float(geometry.depth_ray.min()), float(geometry.depth_ray.max())
    lines = [
        f"source: {report.get('source', 'unknown')}; {geometry.width}x{geometry.height}",
        f"distance: {report.get('distance_min', low):.3f} to {report.get('distance_max', high):.3f} {unit}",
    ]
    if "distance_percentiles" in report:
        lines += _plausibility(report["distance_percentiles"], unit)
    if "read_as" in report:
        lines.append(f"read as: {report['read_as']}")
    lines += [f"missing values: {note}" for note in report.get("marked", ())]
    if "note" in report:
        lines.append(
            f"{report['note']} (camera {report['camera_height']:g} m, dome {report['dome_radius']:g} m)"
        )
    if "advice" in report:
        lines.append(report["advice"])
    if (counts := report.get("given_counts")) is not None:
        size = "x".join(str(pixels) for pixels in report["given_size"])
        bad = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count and kind != "usable")
        lines.append(f"given: {size}, {counts['usable']} usable; {bad or 'nothing to repair'}")
        share = int(geometry.is_sky.sum()) / geometry.is_sky.numel()
        lines.append(
            f"filled from neighbors: {report['unknown_filled']} px; sky: {share:.1%}; "
            f"small islands turned into sky: {report['island_pixels_to_sky']} px"
        )
        lines.append(f"scale: {report['scale']}, factor {report['factor']:.6g}")
    if "views" in report:
        share = int(geometry.is_sky.sum()) / geometry.is_sky.numel()
        lines.append(
            f"views: {report['views']}, they differ by {report['disagreement']:.1%} where they overlap; sky: "
            f"{share:.1%}; {report['seconds']:.0f} s; backbone {report.get('backbone', 'given')}"
        )
        lines.append(f"scale: {report['scale']}, camera height {report['camera_height']:g} m")
    if (ground := report.get("class_ground")) is not None:
        lines.append(
            f"ground: {ground['share']:.0%} of the view below, residual {ground['residual']:.2%} of the height"
        )
    if (ground := report.get("ground")) is not None:
        lines.append(
            f"ground: {ground['inlier_share']:.0%} of the view below, tilt {ground['tilt_deg']:.1f} degrees, "
            f"residual {ground['residual']:.2%} of the height"
        )
    return "\n".join(lines)


def _plausibility(percentiles: list[float], unit: str) -> list[str]:
    near, middle, far = percentiles
    lines = [
        f"plausible? 5 % of it is nearer than {near:.3g} {unit}, half within {middle:.3g}, 5 % beyond {far:.3g}"
    ]
    if far > _MOST_SPAN * near:
        lines.append(
            f"suspicious: these differ {far / near:.0f} times. Is there a number that means nothing here (far_value, "
            "missing_value), or is it another channel (depth_channel)?"
        )
    return lines
