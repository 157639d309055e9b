"""Living worlds: motion given to splats, colors of a video on them, and 4D worlds as folders of PLY files."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.ply_sequence import read_ply_sequence, write_ply_sequence
from ..matrix3d_core.motion.animate import (
    ANIMATIONS,
    AnimationConfig,
    animate,
    heading_of,
    motion_report,
    path_points,
)
from ..matrix3d_core.motion.at_time import loop_frames
from ..matrix3d_core.motion.fountain import FountainConfig, make_fountain
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.labels import CLASSES
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.labeling import CHOICE_SHAPES
from ..matrix3d_core.splats.moving import choose_moving
from ..matrix3d_core.splats.video_colors import MOST_HARMONICS, colors_from_video
from ._adapters import (
    gaussians_from_host,
    images_from_host,
    masks_from_host,
    sequence_from_host,
    sequence_to_host,
    splat_to_host,
    world_info_of,
)
from ._file_inputs import file_state
from ._host import Types, io, progress_to_host, resolve_input, save_target
from ._inputs import degrees_input, report_output, shape_inputs, splat_input, splat_output, trajectory_input
from ._search import SPLAT_WORDS

__all__ = ["NODES", "SplatSequenceLoad", "SplatSequenceSave", "WorldAnimate", "WorldAnimateFromVideo"]

_FOUNTAIN = "fountain"
_WORDS = (*SPLAT_WORDS, "animate", "living world", "4d", "motion", "cinemagraph", "dynamic splats")


class WorldAnimate(io.ComfyNode):
    """Give splats a motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldAnimate",
            display_name="Animate World",
            category="Matrix-3D/splat",
            description="Makes splats move in an exact loop: water that flows, falls and ripples, drifting clouds, "
            "foliage in the wind, fire, flickering lamps, a moving sun, an object that turns or follows a path, or a "
            "new fountain. Preview Splats and the offline page play it, Render Splats renders it.",
            search_aliases=[
                *_WORDS,
                "water",
                "fountain",
                "waterfall",
                "clouds",
                "wind",
                "fire",
                "flicker",
                "moving object",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first moves."),
                io.Combo.Input(
                    "motion",
                    options=[*ANIMATIONS, _FOUNTAIN],
                    default="clouds",
                    tooltip="flow, fall, ripple: water that flows along the direction, falls, or has waves. clouds: "
                    "drift in the direction. wind: foliage sways. fire: flames rise. flicker: lamps. sun: once around. "
                    "turn: about the vertical. path: along the poses of the path. fountain: new splats that are "
                    "emitted at x, y, z and fall back.",
                ),
                io.Combo.Input(
                    "of",
                    options=["auto", *CLASSES, "everything"],
                    default="auto",
                    tooltip="Class of the splats that move. auto: water, sky or foliage as the motion says, or all in "
                    "the shape, instance and masks where these are given.",
                ),
                io.String.Input(
                    "instance",
                    default="",
                    tooltip="Name or number of the instance that moves (Label Splats); empty: no matter which.",
                ),
                io.Float.Input(
                    "period",
                    default=6.0,
                    min=0.1,
                    max=3600.0,
                    step=0.1,
                    tooltip="Seconds after which all is as before. What falls or burns repeats a whole number of times "
                    "in it.",
                ),
                io.Float.Input(
                    "speed",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.05,
                    tooltip="World units per second for water; degrees per second for clouds. 0: usual.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Factor of the usual height of waves, lean in the wind, flames and flickering.",
                ),
                degrees_input(
                    "direction",
                    "Where it goes or the wind blows, degrees to the right of straight ahead (+z).",
                    360.0,
                ),
                io.Combo.Input(
                    "shape",
                    options=list(CHOICE_SHAPES),
                    default=CHOICE_SHAPES[0],
                    tooltip="Where splats are chosen. everywhere, box: uses size and yaw, sphere: radius, cylinder: "
                    "radius and size_y, upright.",
                ),
                *shape_inputs(),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Masks of what moves, one for each pose of the trajectory: panoramas, or the size of its "
                    "cameras.",
                ),
                trajectory_input("Poses of the masks.", optional=True),
                trajectory_input(
                    "Where an object goes: its center moves through these poses and back to the first.",
                    name="path",
                    optional=True,
                ),
                io.Float.Input(
                    "pitch",
                    default=0.0,
                    min=-90.0,
                    max=90.0,
                    step=1.0,
                    optional=True,
                    advanced=True,
                    tooltip="Degrees that the direction of a flow points up.",
                ),
                io.Float.Input(
                    "wavelength",
                    default=0.8,
                    min=0.01,
                    max=1000.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Length of ripples, world units.",
                ),
                io.Float.Input(
                    "height",
                    default=0.6,
                    min=0.01,
                    max=1000.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="That a fountain's water rises above x, y, z, world units. It lands size_y below and "
                    "radius around.",
                ),
                io.Int.Input(
                    "drops",
                    default=4000,
                    min=8,
                    max=200_000,
                    step=100,
                    optional=True,
                    advanced=True,
                    tooltip="Number of splats of a fountain.",
                ),
                io.Float.Input(
                    "units_per_meter",
                    default=1.0,
                    min=0.0001,
                    max=10_000.0,
                    step=0.1,
                    round=0.0001,
                    optional=True,
                    advanced=True,
                    tooltip="World units in a meter, for gravity.",
                ),
                io.Boolean.Input(
                    "keep_base",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Keep a still, smooth copy behind clouds and flowing water, so that no hole opens where "
                    "they fade. Off: fewer splats.",
                ),
            ],
            outputs=[
                splat_output("The world with its motion."),
                report_output("JSON: the loop in seconds, and how many splats have each motion."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        motion: str,
        of: str,
        instance: str,
        period: float,
        speed: float,
        strength: float,
        direction: float,
        shape: str,
        x: float,
        y: float,
        z: float,
        size_x: float,
        size_y: float,
        size_z: float,
        radius: float,
        yaw: float,
        masks: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
        path: Trajectory | None = None,
        pitch: float = 0.0,
        wavelength: float = 0.8,
        height: float = 0.6,
        drops: int = 4000,
        units_per_meter: float = 1.0,
        keep_base: bool = True,
    ) -> io.NodeOutput:
        world = gaussians_from_host(splat)
        if motion == _FOUNTAIN:
            water = FountainConfig(
                height=height,
                drop=size_y,
                radius=radius,
                drops=drops,
                period_s=period,
                units_per_meter=units_per_meter,
            )
            world = Gaussians.concatenate(world, make_fountain((x, y, z), water))
        else:
            chosen = choose_moving(
                world,
                motion,
                of=of,
                instance=instance.strip(),
                shape=shape,
                center=(x, y, z),
                size=(size_x, size_y, size_z),
                radius=radius,
                yaw_rad=math.radians(yaw),
                masks=None if masks is None else masks_from_host(masks, "masks"),
                trajectory=trajectory,
                progress=progress_to_host(cls.hidden.unique_id),
            )
            config = AnimationConfig(
                period_s=period,
                speed=None if speed == 0 else math.radians(speed) if motion == "clouds" else speed,
                strength=strength,
                direction=heading_of(math.radians(direction), math.radians(pitch)),
                wavelength=wavelength,
                units_per_meter=units_per_meter,
                points=() if path is None else path_points(path),
                keeps_base=keep_base,
            )
            world = animate(world, chosen, motion, config)
        return io.NodeOutput(
            splat_to_host(world, info=world_info_of(splat)), json.dumps(motion_report(world), indent=2)
        )


class WorldAnimateFromVideo(io.ComfyNode):
    """Lift a loop of a video to splats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldAnimateFromVideo",
            display_name="Animate World from Video",
            category="Matrix-3D/splat",
            description="Lifts a loop that a video model made of a region (water, fire, foliage, screens) to the "
            "splats that it shows: their colors change in time, as a few harmonics of the loop; positions stay.",
            search_aliases=[*_WORDS, "video to splats", "4d gaussians", "dynamic scene", "image to video"],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is taken."),
                io.Image.Input(
                    "frames",
                    tooltip="The loop's frames, as rendered from the world (Render Splats) and brought to life by a "
                    "video model: panoramas, or perspective views.",
                ),
                trajectory_input(
                    "One pose for all frames, or one for each; its frames per second are the video's."
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Where the video moves, one or one for each frame; else everywhere.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=10.0,
                    max=150.0,
                    step=1.0,
                    tooltip="Horizontal field of view of frames that are no panoramas, in degrees, as in Render "
                    "Splats. A trajectory with intrinsics says it itself.",
                ),
                io.Int.Input(
                    "harmonics",
                    default=3,
                    min=1,
                    max=MOST_HARMONICS,
                    tooltip="Of the loop: more follow faster changes.",
                ),
                io.Float.Input(
                    "period",
                    default=0.0,
                    min=0.0,
                    max=3600.0,
                    step=0.1,
                    tooltip="Seconds of the loop; 0: as long as the video.",
                ),
                io.Int.Input(
                    "rounds",
                    default=8,
                    min=1,
                    max=100,
                    optional=True,
                    advanced=True,
                    tooltip="Rounds of the fit over all frames.",
                ),
            ],
            outputs=[
                splat_output("The world with colors that change in time."),
                report_output("JSON: the motions, and the frames' PSNR in the mask before and after."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        frames: torch.Tensor,
        trajectory: Trajectory,
        fov: float,
        harmonics: int,
        period: float,
        masks: torch.Tensor | None = None,
        rounds: int = 8,
    ) -> io.NodeOutput:
        pictures = images_from_host(frames, "frames")
        is_panorama = pictures.shape[2] == 2 * pictures.shape[1]
        found = colors_from_video(
            gaussians_from_host(splat),
            pictures,
            trajectory,
            None if masks is None else masks_from_host(masks, "masks"),
            harmonics=harmonics,
            period_s=period or None,
            fov_x_rad=None if is_panorama else math.radians(fov),
            rounds=rounds,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        report = {
            **motion_report(found.gaussians),
            "chosen": found.chosen,
            "psnr_still_db": round(found.psnr_still_db, 2),
            "psnr_db": round(found.psnr_db, 2),
        }
        return io.NodeOutput(
            splat_to_host(found.gaussians, info=world_info_of(splat)), json.dumps(report, indent=2)
        )


class SplatSequenceSave(io.ComfyNode):
    """Save a moving world as numbered PLY files."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatSequenceSave",
            display_name="Save Splat Sequence",
            category="Matrix-3D/files",
            description="Saves a moving world as a folder of numbered PLY files, one for each frame of its loop, for "
            "programs that play 4D Gaussians; a batch of splats as its items.",
            search_aliases=[*_WORDS, "ply sequence", "export 4d", "save sequence", "volumetric video"],
            is_output_node=True,
            inputs=[
                splat_input("A world with motions (Animate World), or a sequence."),
                io.Float.Input(
                    "fps", default=12.0, min=0.1, max=240.0, step=0.1, tooltip="Frames per second."
                ),
                io.Float.Input(
                    "seconds",
                    default=0.0,
                    min=0.0,
                    max=3600.0,
                    step=0.1,
                    tooltip="How much of it is saved; 0: one loop.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/sequence",
                    tooltip="Name of the folder below the output folder; a number is added. Subfolders with a slash.",
                ),
            ],
            outputs=[report_output("JSON: the folder, its frames and their speed.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, splat: Types.SPLAT, fps: float, seconds: float, filename_prefix: str) -> io.NodeOutput:
        known = sequence_from_host(splat)
        worlds, count = loop_frames(gaussians_from_host(splat), fps, seconds, known)
        folder, _, _ = save_target(filename_prefix or "matrix3d/sequence", "")
        write_ply_sequence(folder, worlds, count, fps=fps, progress=progress_to_host(cls.hidden.unique_id))
        report = json.dumps({"folder": str(folder), "frames": count, "fps": fps}, indent=2)
        return io.NodeOutput(report, ui={"text": [report]})


class SplatSequenceLoad(io.ComfyNode):
    """Read a folder of numbered PLY files."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatSequenceLoad",
            display_name="Load Splat Sequence",
            category="Matrix-3D/files",
            description="Reads a folder of numbered PLY files (4D Gaussians, one file per frame) as a batch of splats "
            "that Render Splats plays in time.",
            search_aliases=[*_WORDS, "ply sequence", "import 4d", "load sequence", "volumetric video"],
            inputs=[
                io.String.Input(
                    "folder",
                    default="sequence",
                    tooltip="Folder inside the input folder with .ply files whose names end in a number.",
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=240.0,
                    step=0.1,
                    tooltip="Frames per second of the files. 0: as sequence.json in the folder says, else 24.",
                ),
                io.Int.Input("stride", default=1, min=1, max=1000, tooltip="Read every n-th file."),
                io.Int.Input(
                    "max_frames",
                    default=120,
                    min=1,
                    max=10_000,
                    tooltip="Number of files to read at most; each takes its memory.",
                ),
            ],
            outputs=[
                splat_output("The frames, a batch."),
                report_output("JSON: frames, their speed, and their numbers of splats."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str, **_: object) -> object:
        return file_state(folder)

    @classmethod
    def execute(cls, folder: str, fps: float, stride: int, max_frames: int) -> io.NodeOutput:
        path = resolve_input(folder)
        if not path.is_dir():
            raise InvalidInput(f"folder must be a folder inside the input folder; got the file {folder!r}.")
        found = read_ply_sequence(
            path,
            fps=fps or None,
            stride=stride,
            most=max_frames,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        report = {
            "frames": len(found),
            "fps": found.fps,
            "splats": [len(frame) for frame in found.frames[:100]],
        }
        return io.NodeOutput(sequence_to_host(found), json.dumps(report, indent=2))


NODES = [WorldAnimate, WorldAnimateFromVideo, SplatSequenceSave, SplatSequenceLoad]
