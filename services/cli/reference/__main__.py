"""Write the reference pages anew: `python -m services.cli.reference docs/reference`."""

import sys
from pathlib import Path

from services.cli.reference.pages import PAGES


def main(arguments: list[str]) -> None:
    """Write every page into the folder that is named."""
    (folder,) = map(Path, arguments)
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
