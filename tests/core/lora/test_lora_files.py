"""Reading LoRA files: every container and part name, and a table of files that must be refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from matrix3d_core.errors import FormatError
from matrix3d_core.lora.files import read_lora, sort_tensors

A, B = torch.randn(4, 8), torch.randn(6, 4)
PAIR = {"blocks.0.ffn.0.lora_A.default.weight": A, "blocks.0.ffn.0.lora_B.default.weight": B}


def same(path):
    module = read_lora(path).modules["blocks.0.ffn.0"]
    return torch.equal(module.A, A) and torch.equal(module.B, B)


@pytest.mark.parametrize("ending", [".ckpt", ".bin", ".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "nest",
    [
        lambda t: t,
        lambda t: {"state_dict": t, "epoch": 3, "optimizer": {"x": 1.0}},
        lambda t: {"module": t},
        lambda t: {"model": {"state_dict": t}, "global_step": torch.tensor(5)},
        lambda t: {"anything": t},
        lambda t: {**t, "note": "text"},
    ],
    ids=["flat", "state_dict", "module", "model", "other", "with text"],
)
def test_torch_files_in_every_nesting(tmp_path, nest, ending):
    torch.save(nest(PAIR), tmp_path / f"x{ending}")  # the content counts, not the ending
    assert same(tmp_path / f"x{ending}")


@pytest.mark.parametrize("ending", [".safetensors", ".sft", ".ckpt"])
def test_safetensors(tmp_path, ending):
    save_file(PAIR, tmp_path / f"x{ending}", metadata={"format": "pt"})
    assert same(tmp_path / f"x{ending}")


@pytest.mark.parametrize("start", [b"\x80", b"PK"])
def test_safetensors_whose_header_length_looks_like_another_format(tmp_path, start):
    path = tmp_path / "x.safetensors"
    save_file(PAIR, path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    longer = next(n for n in range(length, 2**16) if n.to_bytes(8, "little").startswith(start))
    header = content[8 : 8 + length].ljust(longer)
    path.write_bytes(longer.to_bytes(8, "little") + header + content[8 + length :])
    assert same(path)


def test_old_torch_files(tmp_path):
    torch.save(PAIR, tmp_path / "x.ckpt", _use_new_zipfile_serialization=False)
    assert same(tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    ("down", "up"),
    [
        (".lora_A.weight", ".lora_B.weight"),
        (".lora_A.default.weight", ".lora_B.default.weight"),
        (".lora_A.my-adapter.weight", ".lora_B.my-adapter.weight"),
        (".lora_A", ".lora_B"),
        (".lora_down.weight", ".lora_up.weight"),
        (".lora.down.weight", ".lora.up.weight"),
        ("_lora.down.weight", "_lora.up.weight"),
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    ],
)
def test_pair_names(tmp_path, down, up):
    file = sort_tensors(
        {"a.b.0" + down: A, "a.b.0" + up: B, "a.b.0.alpha": torch.tensor(2.0)}, tmp_path / "x"
    )
    (module,) = file.modules.values()
    assert (module.stem, module.rank, module.alpha, module.size) == ("a.b.0", 4, 2.0, (6, 8))
    assert torch.equal(module.A, A)
    assert module.is_plain_pair
    assert file.ranks == (4,)
    assert not file.plain


def test_other_parts(tmp_path):
    tensors = {
        "a.lora_A.weight": A,
        "a.lora_B.weight": B,
        "a.lora_B.bias": torch.zeros(6),
        "b.lora_A.default.weight": A,
        "b.lora_B.default.weight": B,
        "b.lora_magnitude_vector.default.weight": torch.ones(6),
        "c.diff": torch.zeros(6, 8),
        "c.diff_b": torch.zeros(6),
        "d.lokr_w1": A,
        "d.lokr_w2_a": A,
        "d.lokr_w2_b": B,
        "d.alpha": torch.tensor(1.0),
        "e.hada_w1_a": B,
        "e.hada_w1_b": A,
        "e.hada_w2_a": B,
        "e.hada_w2_b": A,
        "plain.weight": A,
        "base_model.model.patch_embedding_extra_concate.modules_to_save.default.weight": torch.zeros(
            6, 52, 1, 2, 2
        ),
        "base_model.model.patch_embedding_extra_concate.modules_to_save.default.bias": torch.zeros(6),
    }
    file = sort_tensors(tensors, tmp_path / "x")
    assert {stem: set(module.parts) for stem, module in file.modules.items()} == {
        "a": {"down", "up", "diff_b"},
        "b": {"down", "up", "dora_scale"},
        "c": {"diff", "diff_b"},
        "d": {"lokr_w1", "lokr_w2_a", "lokr_w2_b", "alpha"},
        "e": {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"},
    }
    assert file.modules["b"].parts["dora_scale"].shape == (6, 1)
    assert (file.modules["c"].size, file.modules["d"].size, file.modules["e"].size) == ((6, 8), None, (6, 8))
    assert not any(file.modules[stem].is_plain_pair for stem in file.modules)
    assert list(file.plain) == ["plain.weight"]
    assert [t.shape[0] for t in file.extra_concat] == [6, 6]


class Evil:
    def __reduce__(self):
        return os.system, ("echo harm > harm.txt",)


class Sly:
    def __reduce__(self):
        return Path.write_text, (Path("harm.txt"), "harm")


def written(path, what):
    """Write a bad file of a kind."""
    save_file(PAIR, path)
    if what == "missing":
        path.unlink()
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "cut safetensors":
        path.write_bytes(path.read_bytes()[:-40])
    elif what == "cut header":
        path.write_bytes(path.read_bytes()[:60])
    elif what == "cut torch":
        torch.save(PAIR, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif what == "cut old torch":
        torch.save(PAIR, path, _use_new_zipfile_serialization=False)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif what == "noise":
        path.write_bytes(bytes(range(7, 200)) * 3)
    elif what == "web page":
        path.write_text("<!doctype html><title>Sign in</title>")
    elif what == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    elif what == "gguf":
        path.write_bytes(b"GGUF" + bytes(100))
    elif what == "code":
        torch.save({**PAIR, "x": Evil()}, path)
    elif what == "bare code":
        path.write_bytes(pickle.dumps(Evil()))
    elif what == "sly code":
        torch.save({**PAIR, "x": Sly()}, path)
    elif what == "an object":
        torch.save({**PAIR, "x": torch.nn.Linear(2, 2)}, path)
    elif what == "no tensors":
        torch.save({"state_dict": {"a": 1}}, path)
    elif what == "a list":
        torch.save([A, B], path)
    elif what == "whole model":
        save_file({"blocks.0.ffn.0.weight": A}, path)
    elif what == "half a pair":
        save_file({"blocks.0.ffn.0.lora_A.weight": A}, path)
    elif what == "other half":
        save_file({"blocks.0.ffn.0.lora_B.weight": A}, path)
    elif what == "ranks":
        save_file({"x.lora_A.weight": A, "x.lora_B.weight": torch.zeros(6, 5)}, path)
    elif what == "nan":
        bad = A.clone()
        bad[1, 2] = float("nan")
        bad[0, 0] = float("inf")
        save_file({**PAIR, "x.lora_A.weight": bad, "x.lora_B.weight": B.clone()}, path)
    elif what == "two adapters":
        more = {name.replace("default", "other"): tensor for name, tensor in PAIR.items()}
        save_file({**PAIR, **{name: tensor.clone() for name, tensor in more.items()}}, path)
    return path


BAD = [
    ("missing", "bad.safetensors does not exist"),
    ("empty", "bad.safetensors is empty (0 bytes). Download it again."),
    ("cut safetensors", "bad.safetensors is truncated or damaged"),
    ("cut header", "bad.safetensors is truncated or damaged"),
    ("cut torch", "bad.safetensors is truncated or damaged"),
    ("cut old torch", "bad.safetensors is truncated or damaged"),
    ("noise", "bad.safetensors is neither a safetensors file nor a torch file"),
    ("web page", "bad.safetensors is a web page, not a LoRA"),
    ("pointer", "bad.safetensors is a Git LFS pointer"),
    ("gguf", "bad.safetensors is a GGUF model, not a LoRA"),
    (
        "code",
        "bad.safetensors holds Python code or objects besides tensors (posix.system), or cannot be checked",
    ),
    (
        "bare code",
        "bad.safetensors holds Python code or objects besides tensors, or cannot be checked",
    ),
    (
        "sly code",
        "bad.safetensors holds Python code or objects besides tensors (getattr), or cannot be checked",
    ),
    (
        "an object",
        "bad.safetensors holds Python code or objects besides tensors (torch.nn.modules.linear.Linear)",
    ),
    ("no tensors", "bad.safetensors must hold a LoRA; it holds no tensors."),
    ("a list", "bad.safetensors must hold a LoRA; it holds no tensors."),
    ("whole model", "got 'blocks.0.ffn.0.weight': it looks like a whole model"),
    ("half a pair", "bad.safetensors is incomplete: blocks.0.ffn.0 has A (down) but no B (up)"),
    ("other half", "bad.safetensors is incomplete: blocks.0.ffn.0 has B (up) but no A (down)"),
    ("ranks", "bad.safetensors is damaged: x must have A [r, in] and B [out, r]; got [4, 8] and [6, 5]"),
    ("nan", "bad.safetensors is damaged: 2 of 32 values of x.lora_A.weight are NaN or infinite"),
    ("two adapters", "bad.safetensors must hold one LoRA; it holds several values for blocks.0.ffn.0"),
]


@pytest.mark.parametrize(("what", "says"), BAD, ids=[what for what, _ in BAD])
def test_bad_files(tmp_path, monkeypatch, what, says):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "bad.safetensors", what)
    with pytest.raises(FormatError) as caught:
        read_lora(path)
    assert says in str(caught.value)
    assert not (tmp_path / "harm.txt").exists()


def test_large_finite_values_are_no_damage(tmp_path):
    big = torch.full((4, 8), 3e38)
    big[::2] *= -1
    sort_tensors({"x.lora_A.weight": big, "x.lora_B.weight": B}, tmp_path / "x")
    sort_tensors({"x.lora_A.weight": A.to(torch.float8_e4m3fn), "x.lora_B.weight": B.half()}, tmp_path / "x")
