"""LoRA files made to hurt: each is one clear refusal, before anything works through what they claim."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import programs
import pytest
import torch
from hostile_checkpoints import bad_headers, odd_tensors, safetensors_bytes, write_packed
from safetensors.torch import save

from matrix3d_core.errors import FormatError
from matrix3d_core.lora.files import read_lora

ROOT = Path(__file__).resolve().parents[3]
PAIR = {"x.lora_A.weight": torch.randn(2, 4), "x.lora_B.weight": torch.randn(4, 2)}
ODD = odd_tensors()
HEADERS = bad_headers()


@pytest.mark.parametrize("kind", ODD)
def test_odd_tensors(tmp_path, kind):
    tensor, says = ODD[kind]
    path = tmp_path / "bad.pt"
    torch.save({**PAIR, "y.lora_A.weight": tensor, "y.lora_B.weight": PAIR["x.lora_B.weight"]}, path)
    assert path.stat().st_size < 8000
    with pytest.raises(FormatError) as caught:
        read_lora(path)
    assert str(caught.value).startswith("bad.pt ")
    # torch's own reader refuses some of them before us.
    assert (
        says in str(caught.value)
        or "truncated or damaged" in str(caught.value)
        or "objects" in str(caught.value)
    )
    if kind in ("expanded", "meta", "sparse", "nested"):
        assert says in str(caught.value)


def test_many_views_of_one_storage_count_as_many(tmp_path):
    base = torch.randn(1000, 1000)
    torch.save({f"{i}.lora_A.weight": base.view(10, -1)[:] for i in range(100)}, tmp_path / "x.pt")
    with pytest.raises(FormatError, match=r"x\.pt is damaged: .* claims 1000000 numbers"):
        read_lora(tmp_path / "x.pt")


@pytest.mark.parametrize("kind", HEADERS)
def test_bad_headers(tmp_path, kind):
    (tmp_path / "bad.safetensors").write_bytes(HEADERS[kind])
    with pytest.raises(FormatError, match=r"^bad\.safetensors "):
        read_lora(tmp_path / "bad.safetensors")


def test_float8_is_read(tmp_path):
    torch.save({name: tensor.to(torch.float8_e4m3fn) for name, tensor in PAIR.items()}, tmp_path / "x.pt")
    assert read_lora(tmp_path / "x.pt").ranks == (2,)


def test_packed_torch_files_are_not_unpacked(tmp_path):
    write_packed(
        tmp_path / "bomb.pt", {"x.lora_A.weight": torch.zeros(4, 2**22), "x.lora_B.weight": torch.zeros(4, 4)}
    )
    assert (tmp_path / "bomb.pt").stat().st_size < 200_000
    with pytest.raises(
        FormatError, match=r"bomb\.pt must store its tensors unpacked; \d+ bytes unpack to 671\d{5}"
    ):
        read_lora(tmp_path / "bomb.pt")


def test_an_expanded_tensor_takes_no_time_and_no_memory(tmp_path):
    """2^40 numbers would be 4 TB; the process may have 1 GB more than torch takes when it starts."""
    resource = pytest.importorskip("resource", reason="Windows does not limit what a process takes")
    torch.save(
        {"x.lora_A.weight": ODD["expanded"][0], "x.lora_B.weight": ODD["expanded"][0]}, tmp_path / "x.pt"
    )
    done = subprocess.run(
        programs.command("read_lora_file"),
        cwd=tmp_path,
        env=programs.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
    )
    assert done.stdout.split() == ["FormatError", "True"]


@pytest.mark.parametrize(
    "parts",
    [
        {"lora_down.weight": torch.zeros(2, 0), "lora_up.weight": torch.zeros(4, 2)},
        {
            "lora_down.weight": torch.zeros(2, 4),
            "lora_up.weight": torch.zeros(4, 2),
            "lora_mid.weight": torch.zeros(2),
        },
        {"hada_w1_a": torch.zeros(()), "hada_w1_b": torch.zeros(())},
        {"lora_down.weight": torch.zeros(2, 4), "lora_up.weight": torch.zeros(4, 2), "alpha": torch.zeros(3)},
    ],
)
def test_parts_of_impossible_shapes(tmp_path, parts):
    (tmp_path / "x.safetensors").write_bytes(save({f"x.{name}": tensor for name, tensor in parts.items()}))
    with pytest.raises(FormatError, match=r"^x\.safetensors is damaged: x"):
        read_lora(tmp_path / "x.safetensors")


def test_files_with_changed_bytes_are_read_or_refused(tmp_path):
    rng = random.Random(5)
    torch.save(PAIR, tmp_path / "x.pt")
    torch.save(PAIR, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    sources = [
        save(PAIR, {"lora_adapter_metadata": '{"transformer.lora_alpha": 16, "transformer.r": 2}'}),
        (tmp_path / "x.pt").read_bytes(),
        (tmp_path / "old.pt").read_bytes(),
        safetensors_bytes({}),
    ]
    refused: list[str] = []
    for _case in range(600):
        content = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(len(content))] = rng.choice((0, 255, 34, 123, rng.randrange(256)))
        if rng.random() < 0.2:
            content = content[: rng.randrange(len(content))]
        path = tmp_path / "case.bin"
        path.write_bytes(bytes(content))
        try:
            read_lora(path)
        except FormatError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("case.bin" in text for text in refused)
