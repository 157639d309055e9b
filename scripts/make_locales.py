"""Write ``locales/en`` from the node schemas of a running host, and list what ``locales/zh`` lacks.

    python scripts/make_locales.py http://127.0.0.1:8188

English is the source (display names, descriptions and tooltips of the schemas); Chinese is written by
hand in ``locales/zh/nodeDefs.json`` with the same keys. ``tests/host`` checks both, and writes the English words
where ``MATRIX3D_UPDATE_SNAPSHOTS`` is set.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).resolve().parents[1] / "locales"
ENGLISH = LOCALES / "en" / "nodeDefs.json"


def node_defs(object_info: dict[str, Any]) -> dict[str, Any]:
    """Return the front end's ``nodeDefs`` entries for the pack's nodes."""
    return {
        name: _entry(info)
        for name, info in sorted(object_info.items())
        if str(info.get("category", "")).startswith("Matrix-3D")
    }


def _entry(info: dict[str, Any]) -> dict[str, Any]:
    inputs = {}
    for part in ("required", "optional"):
        for name, spec in info["input"].get(part, {}).items():
            options = spec[1] if len(spec) > 1 else {}
            inputs[name] = {
                "name": options.get("display_name") or name,
                "tooltip": options.get("tooltip", ""),
            }
    tooltips = info.get("output_tooltips") or []
    outputs = {
        str(slot): {"name": name, "tooltip": tooltips[slot] if slot < len(tooltips) else ""}
        for slot, name in enumerate(info["output_name"])
    }
    return {
        "display_name": info["display_name"],
        "description": info["description"],
        "inputs": inputs,
        "outputs": outputs,
    }


def write_english(nodes: dict[str, Any]) -> None:
    """Write what `node_defs` returns as the English words."""
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    ENGLISH.write_text(json.dumps(nodes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def missing_keys(source: dict[str, Any], translation: dict[str, Any], path: str = "") -> list[str]:
    """List the keys of ``source`` that ``translation`` lacks, and those it has in excess (with +)."""
    found = [f"{path}{key}" for key in source if key not in translation]
    found += [f"+{path}{key}" for key in translation if key not in source]
    for key in source.keys() & translation.keys():
        if isinstance(source[key], dict):
            found += missing_keys(source[key], translation[key], f"{path}{key}.")
    return found


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8188"
    with urllib.request.urlopen(f"{address}/object_info") as answer:
        english = node_defs(json.load(answer))
    write_english(english)
    print(f"wrote {ENGLISH.relative_to(LOCALES.parent)}: {len(english)} nodes")
    chinese = LOCALES / "zh" / "nodeDefs.json"
    translation = json.loads(chinese.read_text(encoding="utf-8")) if chinese.exists() else {}
    for key in missing_keys(english, translation):
        print(f"zh: {key}")


if __name__ == "__main__":
    main()
