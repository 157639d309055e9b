"""Names and texts in the field's words: no left-hand word of the table stands in a tracked file.

A row is a pattern, the words to use, and the paths where it holds, everywhere when they are left out. A word that is
standard in another sense is banned only in the form, or in the files, where it was wrong: the border of a picture, walls
of a world, a program that hangs and a photo's placement stay.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CORE = ("matrix3d_core/",)
CODE = ("matrix3d_core/", "nodes/", "scripts/", "benchmarks/")
FIT = ("matrix3d_core/optimize/", "matrix3d_core/depth/")
WHOLE = r"(?<![\w-])(?:%s)(?![\w-])"
_IZE = (
    "canonical discret emphas equal factor final general harmon initial linear local material maxim memor minim modern "
    "normal optim organ parametr penal polar priorit quant random raster recogn regular serial special stabil standard "
    "summar synchron token util vector visual voxel"
).replace(" ", "|")

# fmt: off
NAMES = (  # case counts
    (r"closeness", "inverse_depth"),
    (r"place_gaussians|initial_gaussians", "init_gaussians"),
    (r"Placement", "GaussianInit", FIT),
    (r"_(?:Piece|Shown|new_content|swept_content|from_beside|without_specks)", "SurfelSource, find_disocclusions"),
    (r"paces|rate_given|rate_(?:means|quats|scales|opacities|colou?rs|end)", "lr_scale, lr_*", FIT),
    (r"opacity_pull|scale_pull|(?:ssim|source|initial)_share", "opacity_reg, scale_reg, ssim_lambda, *_ratio"),
    (r"by_detail|least_pixels|depth_kind|supervision", "adaptive_density, adam_eps_pixels, depth_type, view_mode"),
    (r"FrameColou?rs|FramePoses", "ExposureModel, PoseRefinement"),
    (r"drop_and_split|relocate_and_add", "prune_and_split, relocate_and_sample"),
    (r"Picture|look(?=\()|look_through|look_around", "TrainingImage, perspective_crop, panorama_view", FIT),
    (r"find_faults|_take_up|_lap", "diagnose_inputs, _resume, _record_time"),
    (r"SweptDepth|sweep_distances|can_sweep|is_sure|(?<!make )sure", "plane_sweep_*, is_confident", CODE),
    (r"Drawing|go_back|_undo_window|_deal", "ForwardState, backward, _schedule_tiles", CORE),
    (r"why_not|(?<=\.)notice", "unavailable_reason, fallback_notice"),
    (r"(?<!game )(?<!PlayCanvas' )engines?", "backend", CODE),
    (r"Team|joined_team|split_network", "ProcessGroup, distributed, enable_context_parallel", CODE),
    (r"latent_turns|turned_network|turning_plan|rotation_plan|turn_aligned|turn_tokens", "latent_roll, roll_*"),
    (r"judging_views|(?<=def )(?:references|coarser)", "evaluation_views, reference_renders, downsample"),
    (r"not_yet|THINNINGS|thinning|CODEC_MODES", "block_output, decimation, *_SEAM_MODES"),
    (r"(?<=[./])(?:heat|wipe|guard|past|pace|told|words)(?=\.mjs)", "provenance, compare, adaptive_quality", ("web/",)),
)
WORDS = (  # case does not
    (r"told|untold", "passed, reported, translated"),
    (r"heard", "received, handled"),
    (r"(?:hang(?:s|ing)?|hung) (?:on|off|together)|what hangs", "depends on, is connected, downstream nodes"),
    (r"nobody", "unobserved, unknown, none"),
    (r"spoil\w*", "degrade, corrupt, invalidate"),
    (r"reckon\w*", "compute, integrate"),
    (r"newly sees?", "disoccluded"),
    (r"turn(?:s|ing)? the latent(?! of| into)|latent turns", "roll the latent"),
    (r"around the ring", "circular (wrap-around)"),
    (r"pixels (?:go |put )?back on top", "blends the original photo back in"),
    (r"(?:plain|flat) ground and (?:a )?(?:far )?dome", "ground-plane and sky-dome proxy"),
    (r"change, check, look at|floaters and giants", "edit, validate, preview; floaters and oversized splats"),
    (r"(?:the )?mesh sees|picture numbers pay", "inside the mesh's coverage; lowers the full-image scores"),
    (r"points to start from|one is not turned", "initial points; identity rotation"),
    (r"of the first alone", "only from the first segment's splats"),
    (r"lets? go(?: of)?|letting go", "free, release"),
    (r"(?:go|goes|going|went) on from|tak(?:e|es|en|ing) up", "resume, continue, extend"),
)
PARTS = (  # of words, case does not count
    (r"(?<![a-z])discs?(?![a-z])", "surfel; disk for a shape"),
    (r"colour|neighbour|cent(?:re|red|res|ring)\b|\bgrey|met(?:re|res)\b|behaviour|favour", "American spelling"),
    (r"licence|artefact|catalogue|judgement", "American spelling"),
    (rf"(?:{_IZE})is(?:e|ed|es|er|ers|ing|able|ation|ations)(?![a-z])", "-ize"),
)
MODULES = (
    r"recipes/", r"cameras/", r"optimise/", r"explore/(?:brush|loop|studio)\.py", r"panorama/(?:texels|canonical)\.py",
    r"trajectories/(?:surface|walls|turns)\.py", r"lrm/thinning\.py", r"splats/views\.py", r"latent_turns\.py",
    r"optimize/(?:growth|flight|provenance|initial|sweep|align|inspect_inputs)\.py", r"nodes/(?:_kept|_host_wait)\.py",
    r"nodes/preview\.py", r"take_pictures\.py", r"web/(?:\w+/)?(?:heat|wipe|guard|past|pace|body|words|told)\.mjs",
)
ALLOWED = {  # the old names, where the text is about them
    "matrix3d_core/optimize/config.py": r"paces|rate_\w+|\w+_(?:pull|share)|by_detail|least_pixels|depth_kind|supervision|colour",
    "nodes/splat.py": "depth_kind",
    "matrix3d_core/evaluation/results.py": "depth_kind",  # a column of PanoWorld's table
    "nodes/_renamed.py": ".*",
    "tests/host/test_workflows.py": "depth_kind|thinning|Canonicalise",
    "tests/core/standalone/test_splats.py": "ssim_share",
    "tests/core/test_public.py": "optimise",
}
# fmt: on
ROWS = tuple(
    (re.compile(form % row[0]), rows is NAMES, *row[1:])
    for rows, form in ((NAMES, WHOLE), (WORDS, WHOLE), (PARTS, "%s"))
    for row in rows
)
OWN = re.compile(r"\.(?:py|m?js|md|json|toml|css|html|ya?ml|sh|txt)$|Makefile$")
QUOTED = re.compile(  # others' texts and records, Chinese, and the words of this table
    r"web/vendor/|scripts/web/package-lock|benchmarks/results/|locales/zh/|tests/golden/|tests/data/|tests/architecture/test_lang"
)
PLANTED = {
    "matrix3d_core/optimize/x.py": """closeness = discs = _discs_from_erp = place_gaussians(Placement, _Shown, paces)
        opacity_pull, by_detail, FrameColors, drop_and_split, Picture, _take_up, is_sure, Drawing, x.why_not(), engine
        Team, rotation_plan, judging_views, not_yet""",
    "web/x.mjs": """import "./told.mjs"; // told heard hangs on nobody spoiled reckoned newly sees; turns the latent
        around the ring, pixels back on top, a flat ground and a dome, floaters and giants, where the mesh sees
        points to start from; of the first alone; let go; goes on from; Colours metres licence normalised""",
}


def findings(name, text):
    """Return row, and line with the word, for each word of the tables in a file's text."""
    lower, allowed = text.lower(), re.compile(ALLOWED.get(name, "(?!)"))
    found = []
    for number, (pattern, has_case, right, *where) in enumerate(ROWS):
        if not where or name.startswith(where[0]):
            for match in pattern.finditer(text if has_case else lower):
                line, word = text.count("\n", 0, match.start()) + 1, text[slice(*match.span())]
                if not allowed.fullmatch(word):
                    found.append((number, f"{name}:{line}: {word!r}; better: {right}"))
    return found


def tracked():
    """Return the repository's files."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def own_text(name):
    """Return a file's text; of the changelog what stands before its tables of old names."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return text.split("### Renamed before the first release")[0] if name == "CHANGELOG.md" else text


def test_texts_have_the_fields_words():
    names = [name for name in tracked() if OWN.search(name) and not QUOTED.match(name)]
    found = [line for name in names for _, line in findings(name, own_text(name))]
    assert not found, f"{len(found)} words\n" + "\n".join(found)


def misnamed(names):
    """Return the paths that have a module's old name."""
    return [name for name in names if any(re.search(rf"(?:^|/){part}", name) for part in MODULES)]


def test_modules_have_the_fields_names():
    assert misnamed(tracked()) == []
    assert (
        len(
            misnamed(
                ["a/recipes/b.py", "web/told.mjs", "web/viewer/heat.mjs", "lrm/thinning.py", "lrm/rays.py"]
            )
        )
        == 4
    )


def test_every_row_finds_its_words():
    found = {number for name, text in PLANTED.items() for number, _ in findings(name, text)}
    assert [row[0].pattern for number, row in enumerate(ROWS) if number not in found] == []
