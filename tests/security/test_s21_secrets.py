"""S21, S18: secrets come from the environment and leave by no way; a log line stays one line."""

import json
import logging
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from services.cli.stack.ports import Ports
from shared.runtime.config import (
    InvalidSettings,
    driver_url,
    masked,
    process_environment,
    read_settings,
)
from shared.runtime.logs import JsonFormatter
from tests.security.guarded import Guarded, bearer, guarded

SECRET = "zzsecretpassword"  # noqa: S105 - a canary
URL = f"postgresql://accord:{SECRET}@127.0.0.1:1/accord"


@pytest.fixture
def api(tmp_path: Path) -> Guarded:
    return guarded(tmp_path)


def test_s21_a_password_is_masked_wherever_settings_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(URL, encoding="utf-8")
    given = {"ACCORD_KAFKA_BOOTSTRAP_SERVERS": "x:1", "ACCORD_DATABASE_URL_FILE": str(file)}
    settings = read_settings("api", given)
    assert settings.database_url == URL
    assert SECRET not in str(settings.shown())
    assert SECRET not in repr(settings)
    assert SECRET not in masked(URL)
    for wrong in (f"mysql://accord:{SECRET}@x/y", f"{SECRET}", f"{SECRET}://x"):
        with pytest.raises(InvalidSettings) as refused:
            driver_url(wrong)
        assert f":{SECRET}@" not in str(refused.value)


def test_s21_a_process_that_cannot_do_its_work_tells_no_secret() -> None:
    ports = Ports()
    port, metrics = ports.take("api"), ports.take("api-metrics")
    environment = process_environment(
        ACCORD_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        ACCORD_DATABASE_URL=URL,
        ACCORD_AGREEMENTS=str(Path(__file__).parents[2] / "deploy" / "agreements"),
        ACCORD_API_PORT=str(port),
        ACCORD_METRICS_PORT=str(metrics),
        ACCORD_LOG_LEVEL="DEBUG",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "services.api"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seen = b""
    try:
        deadline = time.monotonic() + 60
        while b'"ready":false' not in seen and time.monotonic() < deadline:
            seen += _asked(metrics)
            time.sleep(0.2)
        arguments = Path(f"/proc/{process.pid}/cmdline")
        if arguments.exists():
            seen += arguments.read_bytes()
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert b'"ready":false' in seen
    assert b"127.0.0.1" in out, "it has said that it has no database"
    assert SECRET.encode() not in seen + out


def _asked(port: int) -> bytes:
    found = b""
    for path in ("readyz?verbose", "metrics"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                found += answer.read()
        except HTTPError as error:
            found += error.read()
        except (URLError, OSError):
            pass
    return found


async def test_s21_a_key_is_in_no_answer_and_no_log_whatever_goes_wrong(
    api: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = api.key("read")
    secret = text.split("_")[2]
    plain = ("/v1/states", "/v1/nothing", "/v1/states?limit=x", "/v1/agreements/x")
    async with api.client(**bearer(text)) as http:
        answers = [await http.get(path) for path in plain]
        answers.append(await http.post("/v1/states"))
        api.app.state.sources = "a fault"
        answers.append(await http.get("/v1/states"))
        answers.append(await http.get("/v1/states", params={"key": text}))
        answers.append(await http.get("/v1/x", headers=bearer(f"{text}x")))
    assert [own.status_code for own in answers] == [503, 404, 422, 404, 405, 500, 400, 401]
    formatter = JsonFormatter("api")
    logged = "".join(formatter.format(own) for own in caplog.records if "httpx" not in own.name)
    for own in answers:
        assert secret not in own.text
        assert secret not in str(own.headers)
    assert secret not in logged


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nb",
        "a\nlevel=error",
        "\x1b[2J\x1b[31mred",
        '"}\n{"level":"error"',
        "%s %d {0} {message}",
        "\u2028\u2029\x85",
        "\ud800",
        "x" * 1_000_000,
    ],
)
def test_s18_whatever_a_name_holds_a_log_line_is_one_line_and_one_object(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "An item %s.", (text,), None)
    record.subject = text
    line = JsonFormatter("api").format(record)
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line
    assert len(line) < 100_000
    read = json.loads(line)
    assert read["level"] == "info"
    assert read["subject"][:1] in {text[:1], "?"}
