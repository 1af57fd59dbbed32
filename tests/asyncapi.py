"""The AsyncAPI document, and its schemas to hold messages against."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

PATH = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"


@cache
def document() -> dict[str, Any]:
    """The document as published."""
    found: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def resolved(reference: str) -> Any:  # noqa: ANN401 - whatever is there
    """What a reference inside the document leads to; KeyError when nothing is there."""
    found: Any = document()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def problems(schema: str, message: object) -> list[str]:
    """What of a message is not as the schema of that name says."""
    validator = Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": document()["components"]},
        format_checker=FormatChecker(),
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(message)]
