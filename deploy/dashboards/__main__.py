"""`python -m deploy.dashboards [FOLDER]`: writes the dashboards, by default where they belong."""

import json
import sys
from pathlib import Path
from typing import Final

from deploy.dashboards.agreement import agreement
from deploy.dashboards.customers import customers
from deploy.dashboards.frame import Dashboard
from deploy.dashboards.overview import overview
from deploy.dashboards.pipeline import pipeline

FOLDER: Final = Path(__file__).parents[1] / "grafana" / "dashboards"


def dashboards() -> tuple[Dashboard, ...]:
    """All of them, the first as the home."""
    return overview(), agreement(), customers(), pipeline()


def texts() -> dict[str, str]:
    """The content of each file, by its name."""
    return {
        f"{own.name}.json": json.dumps(own.model(), indent=2, ensure_ascii=False) + "\n"
        for own in dashboards()
    }


def main(arguments: list[str]) -> int:
    """Write the files; what else is called `.json` there is removed."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    wanted = texts()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
