"""`docs/metrics.md` is written from the code, and leaves out nothing that the code declares."""

from services.cli.metrics_page import declared, described, page
from tests.deploy.exported import ROOT


def test_the_page_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert text == page(), "python -m services.cli.metrics_page > docs/metrics.md writes it anew"


def test_every_metric_that_is_declared_is_described() -> None:
    names = {own.name for own in described()}
    missing = sorted(own.name for own in declared() if own.name not in names)
    assert not missing, f"{missing}: say in services/cli/metrics_page.py which service has them"
