"""The head that the package ships: small, readable, and of the backbone's sizes."""

from matrix3d_core.depth.learned.estimate import HEAD_FILE, shipped_head


def test_the_shipped_head_is_small_and_fits_dinov2_small():
    assert HEAD_FILE.stat().st_size <= 12_000_000
    head = shipped_head()
    assert head.config.feature_width == 384
    assert head.config.layers == (2, 5, 8, 11)
