"""The networks that metrics look through, from the user's own weights; nothing is ever downloaded.

One folder holds them:

- FID: ``*inception-2015-12-05*.pth``, Inception v3 of the FID paper, as pytorch-fid and torch-fidelity name it;
- FVD: ``*i3d*.pt``, I3D on Kinetics-400 as TorchScript: ``[B, 3, T, 224, 224]`` in [-1, 1] to ``[B, D]``. When its
  ``forward`` has the arguments ``rescale``, ``resize`` and ``return_features``, they are given as False, False, True;
- LPIPS: ``lpips*``, a file or a folder, see `metrics.lpips`;
- DINOv2 distance: DINOv2-small in Hugging Face's names, any ``*.safetensors``, also where `find_backbone` looks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from ..features.weights import HUB_MODEL, find_backbone, read_backbone
from .dinov2_distance import dinov2_distance
from .lpips import open_lpips

__all__ = ["WEIGHT_FILES", "MetricNetworks", "open_i3d", "open_inception", "open_networks"]

WEIGHT_FILES = {
    "FID": "pt_inception-2015-12-05-6726825d.pth (a release file of mseitzer/pytorch-fid or toshas/torch-fidelity)",
    "FVD": "i3d_torchscript.pt (I3D on Kinetics-400 as TorchScript)",
    "LPIPS": "lpips.pth, or a folder lpips with vgg16-397923af.pth of torchvision and vgg.pth of the lpips package",
    "DINOv2 distance": f"model.safetensors of {HUB_MODEL} (any name), or what `matrix3d convert-backbone` writes,",
}
"""What to put into the folder of weights, by metric."""

_I3D_PX = 224
_I3D_LEAST_FRAMES = 10
_BATCH = 8

ImageFeatures = Callable[[Tensor], Tensor]
"""``[T, H, W, 3]`` pictures in [0, 1] to ``[T, D]``."""
VideoFeatures = Callable[[Tensor], Tensor]
"""``[T, H, W, 3]`` of one clip in [0, 1] to ``[D]``."""


@dataclass(frozen=True)
class MetricNetworks:
    """What is there; a metric without its network is in ``missing``.

    Attributes:
        fid: features for FID, or None.
        fvd: features for FVD, or None.
        lpips: distance of two ``[B, 3, H, W]`` batches in [-1, 1], or None.
        dinov2: distance of two ``[B, 3, H, W]`` batches in [0, 1], or None.
        missing: metric to the reason why it is not there.
    """

    fid: ImageFeatures | None = None
    fvd: VideoFeatures | None = None
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None
    dinov2: Callable[[Tensor, Tensor], Tensor] | None = None
    missing: Mapping[str, str] = field(
        default_factory=lambda: {name: f"needs {file}" for name, file in WEIGHT_FILES.items()}
    )


def open_networks(folder: Path | str | None, device: torch.device | str = "cpu") -> MetricNetworks:
    """Open what a folder of weights holds.

    Args:
        folder: with the files that the module lists; None or one that does not exist has none.
        device: where the networks shall run.

    Raises:
        FormatError: when a file is there and cannot be used.
    """
    place = None if folder is None else Path(folder)
    names = sorted(place.iterdir()) if place is not None and place.is_dir() else []

    def first(*patterns: str) -> Path | None:
        return next((path for pattern in patterns for path in names if path.match(pattern)), None)

    inception, i3d = first("*inception-2015-12-05*.pth"), first("*i3d*.pt")
    lpips = first("lpips*")
    backbone = find_backbone([] if place is None else [place])
    where = "the folder of weights" if place is None else str(place)
    missing = {
        name: f"needs {WEIGHT_FILES[name]} in {where}"
        for name, file in zip(WEIGHT_FILES, (inception, i3d, lpips, backbone), strict=True)
        if file is None
    }
    fid = None
    if inception is not None:
        try:
            fid = open_inception(inception, device)
        except ImportError:
            missing["FID"] = "needs the package torch-fidelity: pip install 'matrix3d[metrics]'"
    return MetricNetworks(
        fid=fid,
        fvd=None if i3d is None else open_i3d(i3d, device),
        lpips=None if lpips is None else open_lpips(lpips, device),
        dinov2=None if backbone is None else partial(dinov2_distance, read_backbone(backbone).to(device)),
        missing=missing,
    )


def open_inception(path: Path | str, device: torch.device | str = "cpu") -> ImageFeatures:
    """Read Inception v3 for FID; pictures are resized to 299x299 as in TensorFlow 1.

    Returns:
        A function of ``[T, H, W, 3]`` pictures in [0, 1] that gives the 2048 numbers of the last pooling for each.

    Raises:
        FormatError: when the file cannot be read or is another network.
        ImportError: when torch-fidelity is not installed.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = Path(path)
    try:
        torch.load(path, map_location="cpu", weights_only=True)  # the constructor would run what is in it
        network = FeatureExtractorInceptionV3("inception", ["2048"], str(path)).to(device)
    except Exception as error:  # torch raises a dozen kinds for broken files
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FormatError(f"{path.name}: must be the Inception v3 of FID ({first[:200]}).") from error

    def features(pictures: Tensor) -> Tensor:
        check_shape("pictures", pictures, "T H W 3")
        found = []
        for part in pictures.split(_BATCH):
            whole = (part.detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 3, 1, 2)
            with torch.no_grad():
                found.append(network(whole.to(device))[0].cpu())
        return torch.cat(found)

    return features


def open_i3d(path: Path | str, device: torch.device | str = "cpu") -> VideoFeatures:
    """Read I3D for FVD; frames are resized to 224x224, whatever their shape.

    Returns:
        A function of one clip, ``[T, H, W, 3]`` in [0, 1], ``T >= 10``, that gives its features.

    Raises:
        FormatError: when the file is no TorchScript.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch would like to see something else than TorchScript
            network = torch.jit.load(str(path), map_location=device)
    except Exception as error:  # torch raises a dozen kinds for broken files
        raise FormatError(f"{path.name}: must be I3D as TorchScript; it cannot be read.") from error
    known = {argument.name for argument in network.forward.schema.arguments}
    wanted = {"rescale": False, "resize": False, "return_features": True}
    options = wanted if known.issuperset(wanted) else {}

    def features(clip: Tensor) -> Tensor:
        count = check_shape("clip", clip, "T H W 3")["T"]
        if count < _I3D_LEAST_FRAMES:
            raise InvalidInput(f"FVD needs clips of at least {_I3D_LEAST_FRAMES} frames; got {count}.")
        frames = clip.detach().float().permute(0, 3, 1, 2).to(device)
        small = torch.nn.functional.interpolate(frames, (_I3D_PX, _I3D_PX), mode="bilinear")
        with torch.no_grad():
            found: Tensor = network((small * 2 - 1).permute(1, 0, 2, 3)[None], **options)
        return found.reshape(-1).cpu()

    return features
