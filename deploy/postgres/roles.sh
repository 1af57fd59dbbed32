#!/bin/sh
# Run once, by the image of PostgreSQL, on an empty data folder: who may do what.
# `accord` owns the database (migrations, evaluator), `accord_api` only reads it.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$ACCORD_OWNER_PASSWORD" --set api_password="$ACCORD_API_PASSWORD" <<'SQL'
CREATE ROLE accord LOGIN PASSWORD :'owner_password';
CREATE ROLE accord_reader NOLOGIN;
CREATE ROLE accord_api LOGIN PASSWORD :'api_password' IN ROLE accord_reader;
ALTER ROLE accord_api SET default_transaction_read_only = on;
CREATE DATABASE accord OWNER accord;
REVOKE CONNECT ON DATABASE accord FROM PUBLIC;
GRANT CONNECT ON DATABASE accord TO accord_reader;
SQL
