"""Python runs this before a service where the harness has put this folder on its path."""

import os
import sys
from pathlib import Path

_bug = os.environ.get("ACCORD_SEEDED_BUG")  # noqa: TID251 - before there are settings
if _bug and sys.argv[:1] == ["-m"]:
    sys.path.append(str(Path(__file__).parents[4]))
    from tests.e2e.chaos.bugs import install

    install(_bug)
