"""What needs a program that only an operating system's package brings is left out without it."""

import shutil

collect_ignore = [] if shutil.which("promtool") else ["test_promtool.py"]
