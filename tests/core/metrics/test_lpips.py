"""LPIPS against its definition, worked out with loops, on random weights; and every layout of its files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.metrics.lpips import open_lpips

WIDTHS = (4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8)  # VGG-16 in small
NUMBERS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
LAST = (1, 3, 6, 9, 12)  # which of the 13 end a block
SLICES = {0: 1, 2: 1, 5: 2, 7: 2, 10: 3, 12: 3, 14: 3, 17: 4, 19: 4, 21: 4, 24: 5, 26: 5, 28: 5}


def weights(seed=0):
    rng = torch.Generator().manual_seed(seed)
    trunk, before = {}, 3
    for number, width in zip(NUMBERS, WIDTHS, strict=True):
        trunk[f"features.{number}.weight"] = torch.randn(width, before, 3, 3, generator=rng) / (
            3 * before**0.5
        )
        trunk[f"features.{number}.bias"] = 0.1 * torch.randn(width, generator=rng)
        before = width
    heads = {
        f"lin{k}.model.1.weight": torch.rand(1, WIDTHS[i], 1, 1, generator=rng) for k, i in enumerate(LAST)
    }
    return trunk, heads


def by_definition(a, b, trunk, heads):
    """Two ``[3, H, W]`` pictures; every sum written out in float64."""

    def convolved(x, weight, bias):
        channels, rows, columns = x.shape
        out = np.empty((len(weight), rows, columns))
        padded = np.zeros((channels, rows + 2, columns + 2))
        padded[:, 1:-1, 1:-1] = x
        for row in range(rows):
            for column in range(columns):
                window = padded[:, row : row + 3, column : column + 3]
                out[:, row, column] = (weight * window).sum((1, 2, 3)) + bias
        return np.maximum(out, 0)

    def features(x):
        x = (x - np.array((-0.030, -0.088, -0.188))[:, None, None]) / np.array((0.458, 0.448, 0.450))[
            :, None, None
        ]
        kept = []
        for index, number in enumerate(NUMBERS):
            if index - 1 in LAST:
                rows, columns = (n // 2 for n in x.shape[1:])
                x = np.stack(
                    [x[:, i : 2 * rows : 2, j : 2 * columns : 2] for i in (0, 1) for j in (0, 1)]
                ).max(0)
            x = convolved(
                x,
                trunk[f"features.{number}.weight"].double().numpy(),
                trunk[f"features.{number}.bias"].double().numpy(),
            )
            if index in LAST:
                kept.append(x)
        return kept

    total = 0.0
    for k, (f, g) in enumerate(zip(features(a), features(b), strict=True)):
        head = heads[f"lin{k}.model.1.weight"].double().numpy().reshape(-1, 1, 1)
        f, g = (h / (np.sqrt((h**2).sum(0)) + 1e-10) for h in (f, g))
        total += (head * (f - g) ** 2).sum(0).mean()
    return total


@pytest.fixture(scope="module")
def pair():
    rng = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 20, 17, generator=rng) * 2 - 1, torch.rand(2, 3, 20, 17, generator=rng) * 2 - 1


def test_distance_is_the_papers(tmp_path, pair):
    trunk, heads = weights()
    torch.save(trunk | heads, tmp_path / "lpips.pth")
    distance = open_lpips(tmp_path / "lpips.pth")
    wanted = [
        by_definition(x.double().numpy(), y.double().numpy(), trunk, heads)
        for x, y in zip(*pair, strict=True)
    ]
    # float32 through 13 convolutions: 1e-6 of sums whose parts cancel
    assert distance(*pair).tolist() == pytest.approx(wanted, rel=2e-5)
    assert min(wanted) > 0.01
    assert distance(pair[0], pair[0]).abs().max() == 0


def test_gradients_flow_also_where_nothing_is_seen(tmp_path, pair):
    trunk, heads = weights()
    torch.save(trunk | heads, tmp_path / "lpips.pth")
    distance = open_lpips(tmp_path / "lpips.pth")
    black = torch.full_like(pair[0], -1.0).requires_grad_()
    distance(black, pair[1]).sum().backward()
    assert torch.isfinite(black.grad).all()
    assert black.grad.abs().max() > 0
    assert not any(p.requires_grad for p in distance.parameters())


class Plain(torch.nn.Module):
    """Stands for whatever somebody has written as TorchScript."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).abs().mean((1, 2, 3))


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_every_layout_gives_the_same(tmp_path, pair):
    from safetensors.torch import save_file

    trunk, heads = weights()
    package = {
        f"net.slice{SLICES[int(name.split('.')[1])]}.{name.split('.', 1)[1]}": value
        for name, value in trunk.items()
    }
    again = {name.replace("lin", "lins.", 1): value for name, value in heads.items()}
    torch.save(package | heads | again | {"scaling_layer.shift": torch.zeros(3)}, tmp_path / "package.pth")
    save_file(trunk | heads, tmp_path / "one.safetensors")
    folder = tmp_path / "two"
    folder.mkdir()
    torch.save(trunk | {"classifier.0.weight": torch.zeros(4, 4)}, folder / "vgg16-397923af.pth")
    torch.save(heads, folder / "vgg.pth")
    values = [
        open_lpips(place)(*pair) for place in (tmp_path / "package.pth", tmp_path / "one.safetensors", folder)
    ]
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])
    torch.jit.script(Plain()).save(str(tmp_path / "script.pt"))
    torch.testing.assert_close(open_lpips(tmp_path / "script.pt")(*pair), Plain()(*pair))


def test_what_is_missing_is_named(tmp_path):
    trunk, heads = weights()
    torch.save(trunk, tmp_path / "trunk.pth")
    with pytest.raises(FormatError, match=r"trunk\.pth: lacks lin0, lin1"):
        open_lpips(tmp_path / "trunk.pth")
    torch.save(heads, tmp_path / "heads.pth")
    with pytest.raises(FormatError, match=r"lacks features\.0\.weight.*and others"):
        open_lpips(tmp_path / "heads.pth")
    torch.save(trunk | heads | {"lin2.model.1.weight": torch.ones(1, 9, 1, 1)}, tmp_path / "wide.pth")
    with pytest.raises(FormatError, match="head 2 has 9 weights for 6 channels"):
        open_lpips(tmp_path / "wide.pth")
    torch.save(trunk | heads | {"features.7.weight": torch.ones(5, 5, 1, 1)}, tmp_path / "other.pth")
    with pytest.raises(FormatError, match="this is not VGG-16"):
        open_lpips(tmp_path / "other.pth")
    (tmp_path / "broken.pth").write_bytes(b"\x80\x02nothing")
    with pytest.raises(FormatError, match=r"broken\.pth: cannot be read"):
        open_lpips(tmp_path / "broken.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing at all")
    with pytest.raises(FormatError, match=r"broken\.safetensors: cannot be read"):
        open_lpips(tmp_path / "broken.safetensors")
    with pytest.raises(InvalidInput, match="does not exist"):
        open_lpips(tmp_path / "gone")


def test_pictures_must_fit(tmp_path, pair):
    trunk, heads = weights()
    torch.save(trunk | heads, tmp_path / "lpips.pth")
    distance = open_lpips(tmp_path / "lpips.pth")
    with pytest.raises(InvalidInput, match="at least 16 pixels"):
        distance(pair[0][..., :8], pair[1][..., :8])
    with pytest.raises(InvalidInput, match="of one shape"):
        distance(pair[0], pair[1][:1])
