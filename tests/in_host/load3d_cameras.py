"""The host's own camera math."""

from __future__ import annotations

from typing import Any

from comfy_extras.nodes_gaussian_splat import _camera_basis, _lookat_camera_info, _quat_camera_info


def cameras_and_bases(cases: list[list[Any]]) -> list[Any]:
    """Return each camera as the host makes it, its place, and its axes (right, down, forward) in the host's own reading."""
    answers = []
    for position, target, quat, roll in cases:
        if quat is None:
            info = _lookat_camera_info(position, target, 50.0, "cpu", roll=roll)
        else:
            info = _quat_camera_info(position, quat, 50.0, "cpu")
        plain = {k: v for k, v in info.items() if k != "quaternion"}
        for camera in [info] if roll else [info, plain]:
            eye, _, right, down, forward = _camera_basis(camera, "cpu")
            answers.append([camera, eye.tolist(), [right.tolist(), down.tolist(), forward.tolist()]])
    return answers
