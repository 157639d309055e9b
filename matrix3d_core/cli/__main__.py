"""``python -m matrix3d_core.cli``, for launchers such as torchrun that start modules."""

import sys

from . import main

sys.exit(main())
