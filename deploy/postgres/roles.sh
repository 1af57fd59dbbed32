#!/bin/sh
# Run once, by the image of PostgreSQL, on an empty data folder: who may do what.
# `accord` owns the database and migrates it. Each service has a user of its own, a member of the role
# whose rights `accord migrate` gives (shared/runtime/roles.py); `accord_grafana` only reads.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$ACCORD_OWNER_PASSWORD" --set api_password="$ACCORD_API_PASSWORD" \
    --set ingest_password="$ACCORD_INGEST_PASSWORD" \
    --set evaluator_password="$ACCORD_EVALUATOR_PASSWORD" <<'SQL'
CREATE ROLE accord LOGIN PASSWORD :'owner_password';
CREATE ROLE accord_reader NOLOGIN;
CREATE ROLE accord_ingesting NOLOGIN;
CREATE ROLE accord_evaluating NOLOGIN;
CREATE ROLE accord_serving NOLOGIN;
CREATE ROLE accord_api LOGIN PASSWORD :'api_password' IN ROLE accord_serving;
CREATE ROLE accord_ingest LOGIN PASSWORD :'ingest_password' IN ROLE accord_ingesting;
CREATE ROLE accord_evaluator LOGIN PASSWORD :'evaluator_password' IN ROLE accord_evaluating;
CREATE ROLE accord_grafana LOGIN IN ROLE accord_reader;
ALTER ROLE accord_grafana SET default_transaction_read_only = on;
ALTER ROLE accord_grafana SET statement_timeout = '30s';
ALTER ROLE accord_api SET statement_timeout = '30s';
CREATE DATABASE accord OWNER accord;
REVOKE CONNECT, TEMPORARY ON DATABASE accord FROM PUBLIC;
GRANT CONNECT ON DATABASE accord TO accord_reader, accord_ingesting, accord_evaluating, accord_serving;
SQL
