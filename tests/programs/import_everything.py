"""Imports modules in a Python that refuses some packages; prints which failed, and which of the packages came along."""

import importlib
import json
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in heavy:
            raise ImportError(f"{name} must not be needed for an import")


heavy, modules = set(json.loads(sys.argv[1])), json.loads(sys.argv[2])
for ours in ("torch", "numpy", "PIL.Image", "safetensors"):  # what they bring along is not ours
    importlib.import_module(ours)
before = heavy & {name.split(".")[0] for name in sys.modules}
sys.meta_path.insert(0, Refuse())
failed = {}
for module in modules:
    try:
        importlib.import_module(module)
    except ImportError as error:
        failed[module] = str(error)
loaded = heavy & {name.split(".")[0] for name in sys.modules}
print(json.dumps({"failed": failed, "loaded": sorted(loaded - before)}))
