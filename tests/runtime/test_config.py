"""Settings from the environment."""

import ssl
from pathlib import Path

import pytest

from shared.domain.instant import parse_instant
from shared.runtime.config import InvalidSettings, Settings, driver_url, masked, read_settings
from shared.runtime.kafka import reaching

NEEDED = {
    "ACCORD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "ACCORD_DATABASE_URL": "postgresql://accord:secret@127.0.0.1/accord",
}


def read(service: str = "ingest", **more: str) -> Settings:
    return read_settings(service, {**NEEDED, **more})


def test_each_service_has_its_own_metrics_port() -> None:
    ports = [read(service).metrics_port for service in ("ingest", "evaluator", "api")]
    assert ports == [9001, 9002, 9003]


def test_a_given_metrics_port_is_taken() -> None:
    assert read(ACCORD_METRICS_PORT="9100").metrics_port == 9100


def test_only_loopback_is_listened_on_unless_told_otherwise() -> None:
    assert read().host == "127.0.0.1"
    assert read(ACCORD_HOST="0.0.0.0").host == "0.0.0.0"  # noqa: S104 - it is what is asked for


def test_the_api_serves_on_for_a_while_where_others_than_this_machine_reach_it() -> None:
    assert read().drain_delay == 0
    assert read(ACCORD_HOST="::").drain_delay == 5
    assert read(ACCORD_HOST="::", ACCORD_DRAIN_DELAY="0").drain_delay == 0
    assert read(ACCORD_DRAIN_DELAY="15").drain_delay == 15
    with pytest.raises(InvalidSettings, match=r"ACCORD_DRAIN_DELAY is '5s'; .* 0 to 300"):
        read(ACCORD_DRAIN_DELAY="5s")


def test_the_clock_is_stopped_at_an_instant_with_any_offset() -> None:
    assert read().clock is None
    stopped = read(ACCORD_CLOCK="2026-03-02T10:00:00+01:00").clock
    assert stopped == parse_instant("2026-03-02T09:00:00Z")


def test_a_member_of_a_group_has_a_lasting_name_only_where_it_is_given_one() -> None:
    assert read().group_instance is None
    assert read(ACCORD_GROUP_INSTANCE="accord-evaluator-0").group_instance == "accord-evaluator-0"


def test_records_are_kept_for_ever_unless_told_otherwise_and_for_a_month_at_least() -> None:
    assert read().retention is None
    assert read(ACCORD_RETENTION="400").retention == 400
    for value in ("30", "400d", "-1"):
        with pytest.raises(InvalidSettings, match=r"ACCORD_RETENTION is .* 31 to 36500"):
            read(ACCORD_RETENTION=value)


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_missing_server_is_named_with_what_to_do(missing: str) -> None:
    given = {name: value for name, value in NEEDED.items() if name != missing}
    with pytest.raises(InvalidSettings, match=f"{missing} is not set; `accord local`"):
        read_settings("api", given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCORD_API_PORT", "http"),
        ("ACCORD_API_PORT", "-1"),
        ("ACCORD_API_PORT", "65536"),
        ("ACCORD_EVENT_PARTITIONS", "0"),
        ("ACCORD_CLOCK", "yesterday"),
        ("ACCORD_LOG_LEVEL", "LOUD"),
        ("ACCORD_GROUP_INSTANCE", "evaluator 0"),
        ("ACCORD_GROUP_INSTANCE", ".."),
        ("ACCORD_GROUP_INSTANCE", "e" * 250),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=name):
        read(**{name: value})


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://elsewhere/accord\n", encoding="utf-8")
    given = {**NEEDED, "ACCORD_DATABASE_URL": "", "ACCORD_DATABASE_URL_FILE": str(secret)}
    assert read_settings("api", given).database_url == "postgresql://elsewhere/accord"


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="leave one out"):
        read(ACCORD_DATABASE_URL_FILE=str(tmp_path / "url"))


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    given = {"ACCORD_DATABASE_URL_FILE": str(tmp_path / "none")}
    with pytest.raises(InvalidSettings, match="ACCORD_DATABASE_URL_FILE cannot be read"):
        read_settings("api", {"ACCORD_KAFKA_BOOTSTRAP_SERVERS": "k:1", **given})


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_usual_scheme_of_postgresql_leads_to_the_driver(scheme: str) -> None:
    assert driver_url(f"{scheme}://u:p@h:1/d?ssl=require") == "postgresql://u:p@h:1/d?ssl=require"


def test_another_database_is_refused_with_an_example() -> None:
    with pytest.raises(InvalidSettings, match="postgresql://user@host:5432/name"):
        driver_url("mysql://h/d")


def test_a_password_is_never_shown() -> None:
    assert masked("postgresql://accord:se:cr@et@h:1/d") == "postgresql://accord:***@h:1/d"
    assert masked("postgresql://accord@h/d") == "postgresql://accord@h/d"
    assert "secret" not in str(read().shown())


def test_shown_settings_name_the_instant_of_a_stopped_clock() -> None:
    assert read(ACCORD_CLOCK="2026-03-02T09:00:00Z").shown()["clock"] == "2026-03-02T09:00:00Z"


SASL = {
    "ACCORD_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "ACCORD_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "ACCORD_KAFKA_SASL_USERNAME": "accord",
    "ACCORD_KAFKA_SASL_PASSWORD": "hunter2",
}


def test_kafka_is_reached_without_a_login_unless_one_is_given() -> None:
    assert reaching(read().kafka_bootstrap_servers) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_a_login_to_kafka_goes_to_every_client_and_to_no_log(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")
    given = {**SASL, "ACCORD_KAFKA_SASL_PASSWORD_FILE": str(secret)}
    del given["ACCORD_KAFKA_SASL_PASSWORD"]
    settings = read(**given)
    assert reaching(settings.kafka_bootstrap_servers) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "accord",
        "sasl_plain_password": "hunter2",
    }
    security = getattr(settings.kafka_bootstrap_servers, "security", None)
    assert "hunter2" not in f"{settings!r} {settings.shown()} {security!r}"


def test_over_tls_the_names_of_brokers_are_checked() -> None:
    settings = read(ACCORD_KAFKA_SECURITY_PROTOCOL="SSL")
    context = reaching(settings.kafka_bootstrap_servers)["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ACCORD_KAFKA_SECURITY_PROTOCOL": "TLS"}, "protocol is 'TLS'; it is one of"),
        ({"ACCORD_KAFKA_SASL_MECHANISM": "GSSAPI"}, "mechanism is 'GSSAPI'; it is one of"),
        ({"ACCORD_KAFKA_SASL_PASSWORD": ""}, "needs a user name and a password"),
        ({"ACCORD_KAFKA_SECURITY_PROTOCOL": "SSL"}, "SSL knows no login"),
        ({"ACCORD_KAFKA_CA": "-----BEGIN"}, "SASL_PLAINTEXT knows no certificates"),
    ],
)
def test_settings_of_kafka_that_do_not_go_together_are_refused(
    changed: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidSettings, match=f"ACCORD_KAFKA_….*{said}"):
        read(**{**SASL, **changed})


def test_authorities_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate", encoding="utf-8")
    with pytest.raises(InvalidSettings, match="ACCORD_KAFKA_"):
        read(ACCORD_KAFKA_SECURITY_PROTOCOL="SSL", ACCORD_KAFKA_CA_FILE=str(file))
