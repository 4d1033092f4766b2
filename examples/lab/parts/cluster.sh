# shellcheck shell=bash
# The lab's PostgreSQL: a private cluster on a unix socket in the state
# directory. Sourced.

PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}

# PostgreSQL refuses to run as root: root's lab runs it as user postgres.
as_postgres() {
    if [ "$UID" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
    else
        "$@"
    fi
}

random_word() {
    od -An -N12 -tx1 /dev/urandom | tr -d ' \n'
}

# psql as the owner of the cluster, in a database; SQL on standard input.
psql_admin() {
    PGOPTIONS=--client-min-messages=warning \
    PGPASSWORD=$(cat "$STATE/secrets/postgres") "$PG_BIN/psql" \
        --no-psqlrc --quiet --tuples-only --no-align \
        --set=ON_ERROR_STOP=1 --host="$STATE/pg" --username=postgres \
        --dbname="$1"
}

# The same as the service's own role, which owns the tables.
psql_shop() {
    "$PG_BIN/psql" --no-psqlrc --quiet --tuples-only --no-align \
        --set=ON_ERROR_STOP=1 \
        --dbname="$(cat "$STATE/environments/database.url")"
}

# initdb reads the superuser's password from a file that its user may open.
cluster_init() {
    local data=$STATE/postgres password=$STATE/pg/password
    (umask 077 && cat "$STATE/secrets/postgres" >"$password")
    [ "$UID" -ne 0 ] || chown postgres: "$password"
    as_postgres "$PG_BIN/initdb" --pgdata="$data" --username=postgres \
        --auth=scram-sha-256 --pwfile="$password" --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync --no-instructions \
        >"$STATE/log/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 1 "$STATE/log/initdb.log")" \
            "read $STATE/log/initdb.log"
    rm -f "$password"
}

cluster_create() {
    local data=$STATE/postgres
    [ ! -f "$STATE/pg/created" ] || return 0
    rm -rf "$data"
    mkdir -p "$data" "$STATE/pg"
    [ "$UID" -ne 0 ] || chown postgres: "$data" "$STATE/pg"
    chmod 700 "$data"
    chmod 711 "$STATE/pg"
    as_postgres test -w "$data" ||
        die "user postgres cannot reach $data" \
            "set RBRUN_LAB to a directory whose parents it may enter"
    cluster_init
    # Nothing here has to survive a power cut; it is gone after the demo.
    cat >>"$data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$STATE/pg'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 60
shared_preload_libraries = 'pg_stat_statements'
CONF
    : >"$STATE/pg/created"
}

cluster_start() {
    cluster_create
    if [ "$UID" -eq 0 ]; then
        start postgres setpriv --reuid=postgres --regid=postgres \
            --clear-groups -- "$PG_BIN/postgres" -D "$STATE/postgres"
    else
        start postgres "$PG_BIN/postgres" -D "$STATE/postgres"
    fi
    await 30 "PostgreSQL answering" postgres \
        "$PG_BIN/pg_isready" --quiet --host="$STATE/pg"
}

database_exists() {
    local found
    found=$(echo "select 1 from pg_database where datname = '$1'" |
        psql_admin postgres)
    [ "$found" = 1 ]
}

# Alembic of a release, on the lab's database.
ALEMBIC=/usr/bin/alembic # Debian's
alembic_in() {
    local release=$1
    shift
    SHOP_DATABASE_FILE=$STATE/environments/database.url \
    PYTHONDONTWRITEBYTECODE=1 \
        "$ALEMBIC" --config "$release/migrations/alembic.ini" "$@" \
        >>"$STATE/log/alembic.log" 2>&1 ||
        die "alembic $1 failed: $(tail -n 1 "$STATE/log/alembic.log")" \
            "read $STATE/log/alembic.log"
}

# Apply what a release's migrations have above the ledger.
migrate_up() {
    case $(setting tool) in
    alembic) alembic_in "$1" upgrade head ;;
    *) golang_migrate_up "$1" "$(ledger_version)" ;;
    esac
}

# As golang-migrate does: one transaction a file, and a ledger of one row,
# the newest version.
golang_migrate_up() {
    local folder=$1/migrations from=$2 file version
    for file in "$folder"/*.up.sql; do
        version=$((10#$(basename "$file" | cut -d_ -f1)))
        [ "$version" -gt "$from" ] || continue
        {
            echo "begin;"
            cat "$file"
            echo "truncate schema_migrations;"
            echo "insert into schema_migrations values ($version, false);"
            echo "commit;"
        } | psql_shop
    done
}

ledger_version() {
    case $(setting tool) in
    alembic) echo "select version_num from alembic_version" ;;
    *) echo "select coalesce(max(version), 0) from schema_migrations" ;;
    esac | psql_shop
}

# The good state: the schema of the live release, and rows to lose. It is
# kept as a template, so that `lab break` starts from it every time.
database_create() {
    local release=$1 password
    database_exists shop_base && return
    password=$(cat "$STATE/secrets/shop")
    psql_admin postgres <<SQL
drop database if exists shop with (force);
do \$\$ begin
  if not exists (select from pg_roles where rolname = 'shop') then
    create role shop login password '$password';
  end if;
end \$\$;
create database shop owner shop;
SQL
    echo "create extension pg_stat_statements" | psql_admin shop
    [ "$(setting tool)" != golang-migrate ] ||
        echo "create table schema_migrations
          (version bigint primary key, dirty boolean not null)" | psql_shop
    migrate_up "$release"
    psql_shop <"$PARTS/rows.sql"
    # What filled it is none of the shop's own statements.
    echo "create database shop_base template shop;
          select pg_stat_statements_reset()" | psql_admin shop >/dev/null
}

# Back to the good state. Both instances notice the lost connections and
# open new ones.
database_reset() {
    psql_admin postgres <<'SQL'
drop database if exists shop with (force);
create database shop template shop_base owner shop;
SQL
}
