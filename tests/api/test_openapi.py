"""The OpenAPI document is one, and its examples have the shapes that it says."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api.openapi import published

DOCUMENT = published()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def contents() -> Iterator[Any]:
    """The content of each body and answer that has an example."""
    for path, method, operation in operations():
        places = {**operation["responses"], "body": operation.get("requestBody", {})}
        for place, said in places.items():
            for media, content in said.get("content", {}).items():
                if "example" in content and "schema" in content and media.endswith("json"):
                    yield pytest.param(content, id=f"{method} {path} {place}")


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [*OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


@pytest.mark.parametrize("content", [*contents()])
def test_each_example_has_the_shape_it_is_an_example_of(content: dict[str, Any]) -> None:
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    errors = [own.message for own in Draft202012Validator(schema).iter_errors(content["example"])]
    assert errors == []


def test_every_operation_has_a_tag_a_name_of_its_own_and_the_problems_of_limits() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, _, operation in operations():
        assert set(operation["tags"]) <= tags, path
        asked = {"414", "431"} | ({"413", "415"} if "requestBody" in operation else set())
        assert asked <= set(operation["responses"]), path
