"""The choice of a backend: order, reasons, never a silent swap."""

import logging

import pytest

from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.raster.registry import Backend, Registry


def backend(name, *, features=(), reason=None, loads=True):
    def probe():
        if isinstance(reason, Exception):
            raise reason
        return reason

    def load():
        if not loads:
            raise ImportError("libfast.so is missing")
        return lambda: name

    return Backend(name, frozenset(features), probe, load)


def registry(*backends):
    made = Registry("mesh")
    for one in backends:
        made.register(one)
    return made


def test_auto_takes_the_first_usable_one():
    made = registry(backend("gpu", reason="needs a CUDA device"), backend("fast"), backend("slow"))
    assert made.select().name == "fast"
    assert made.names == ("gpu", "fast", "slow")
    assert made.unavailable_reason("gpu") == "needs a CUDA device"


def test_auto_looks_for_the_needed_features():
    made = registry(backend("fast"), backend("slow", features=["gradients"]))
    assert made.select(needs=["gradients"]).name == "slow"


def test_named_backend_is_never_swapped():
    made = registry(backend("gpu", reason="needs a CUDA device"), backend("slow"))
    with pytest.raises(BackendUnavailable, match="gpu: needs a CUDA device"):
        made.select("gpu")
    with pytest.raises(BackendUnavailable, match="has no gradients"):
        made.load("slow", needs=["gradients"])


def test_named_backend_that_fails_to_load_says_why(caplog):
    made = registry(backend("fast", loads=False), backend("slow"))
    with caplog.at_level(logging.WARNING), pytest.raises(BackendUnavailable, match=r"libfast\.so is missing"):
        made.load("fast")


def test_auto_skips_a_backend_that_fails_to_load_and_remembers(caplog):
    made = registry(backend("fast", loads=False), backend("slow"))
    with caplog.at_level(logging.INFO):
        name, function = made.load()
    assert (name, function()) == ("slow", "slow")
    assert "libfast.so is missing" in caplog.text
    assert "using mesh backend slow" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        made.load()
    assert not caplog.records, "the choice is logged once"


def test_a_failed_build_is_reported_once_with_its_cause_and_the_backend_used_instead(caplog):
    made = registry(
        backend("fast", loads=False), backend("gpu", reason="needs a CUDA device"), backend("slow")
    )
    assert made.fallback_notice("slow") == ""
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            made.load()
    assert [r.getMessage() for r in caplog.records] == [
        "mesh backend fast failed to load: ImportError: libfast.so is missing; using slow"
    ]
    assert (
        made.fallback_notice("slow")
        == "mesh backend fast failed to load: ImportError: libfast.so is missing; slow was used."
    )
    assert made.fallback_notice("fast") == ""
    assert made.fallback_notice("unknown") == ""
    assert made.describe_choice("fast") == "mesh backend fast was used."
    assert made.describe_choice("slow") == made.fallback_notice("slow")


def test_a_compilers_output_is_cut_to_its_first_line(caplog):
    def load():
        raise RuntimeError("nvcc ended with status 1\n" + "noise\n" * 500)

    made = registry(Backend("fast", frozenset(), lambda: None, load), backend("slow"))
    with caplog.at_level(logging.WARNING):
        made.load()
    assert made.unavailable_reason("fast") == "failed to load: RuntimeError: nvcc ended with status 1"


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InvalidInput, match=r"auto or one of fast, slow; got 'fsat'"):
        registry(backend("fast"), backend("slow")).select("fsat")


def test_nothing_usable_lists_every_reason():
    made = registry(backend("gpu", reason="needs a CUDA device"), backend("odd", reason=OSError("bad ELF")))
    with pytest.raises(BackendUnavailable, match=r"gpu: needs a CUDA device; odd: OSError: bad ELF"):
        made.select()


def test_probe_runs_once():
    calls = []
    made = registry(Backend("fast", frozenset(), lambda: calls.append(1), lambda: lambda: None))
    for _ in range(3):
        made.select()
    assert len(calls) == 1
