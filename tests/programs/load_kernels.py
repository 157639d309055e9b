"""Imports a folder as a package of this name, as ComfyUI does with the pack; prints how many kernels were cached."""

import importlib
import importlib.util
import sys

name, folder = sys.argv[1:]
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py")
package = importlib.util.module_from_spec(spec)
sys.modules[name] = package
spec.loader.exec_module(package)
kernels = importlib.import_module(name + ".kernels")
assert kernels.twice(3) == 8
print(sum(kernels.twice.stats.cache_hits.values()))
