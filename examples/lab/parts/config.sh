# shellcheck shell=bash
# The configuration of the lab's servers, and rbrun's environment file, from
# the settings. Sourced.

settings_write() {
    local ports
    [ ! -s "$STATE/settings" ] || return 0
    mapfile -t ports < <("$PYTHON" "$PARTS/ports.py" 6)
    cat >"$STATE/settings.new" <<SETTINGS
tool=$1
blue_port=${ports[0]}
green_port=${ports[1]}
shop_port=${ports[2]}
prometheus_port=${ports[3]}
webhook_port=${ports[4]}
smtp_port=${ports[5]}
SETTINGS
    mv "$STATE/settings.new" "$STATE/settings"
}

# secret NAME: made up once, readable by its owner only.
secret_write() {
    [ -s "$STATE/secrets/$1" ] ||
        (umask 077 && random_word >"$STATE/secrets/$1")
}

url_quote() {
    printf '%s' "${1//\//%2F}"
}

# The secrets that rbrun's environment refers to, as files beside it.
secret_files_write() {
    local in=$STATE/environments
    (
        umask 077
        printf 'postgresql://shop:%s@/shop?host=%s\n' \
            "$(cat "$STATE/secrets/shop")" "$(url_quote "$STATE/pg")" \
            >"$in/database.url"
        printf 'http://127.0.0.1:%s/services/%s\n' \
            "$(setting webhook_port)" "$(cat "$STATE/secrets/slack")" \
            >"$in/slack.url"
    )
}

haproxy_write() {
    cat >"$STATE/haproxy.cfg" <<CONFIG
global
    stats socket $STATE/haproxy.sock mode 600 level admin
    maxconn 400
defaults
    mode http
    timeout connect 2s
    timeout client 15s
    timeout server 15s
    timeout check 3s # a busy machine is no sick instance
    retries 3
    option redispatch 1
frontend shop
    bind 127.0.0.1:$(setting shop_port)
    default_backend shop
backend shop
    balance roundrobin
    option httpchk GET /healthz
    default-server check inter 300ms fall 2 rise 1
    server blue 127.0.0.1:$(setting blue_port)
    server green 127.0.0.1:$(setting green_port)
CONFIG
}

prometheus_write() {
    cat >"$STATE/prometheus.yml" <<CONFIG
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: shop
    static_configs:
      - targets:
          - 127.0.0.1:$(setting blue_port)
          - 127.0.0.1:$(setting green_port)
CONFIG
}

# lua_instance NAME: one row of the deploy target.
lua_instance() {
    local url
    url=http://127.0.0.1:$(setting "$1_port")
    cat <<LUA
        {
          name = "$1",
          current = "$STATE/$1/current",
          restart = { "$PARTS/instance", "$STATE", "restart", "$1" },
          health = "$url/healthz",
          version = "$url/version",
        },
LUA
}

environment_write() {
    secret_files_write
    {
        environment_reads
        environment_deploys
        environment_tells
        environment_grants
    } >"$STATE/environments/lab.lua"
}

environment_reads() {
    cat <<LUA
-- The lab: every server in it is real, and listens on this machine only.
-- Written by examples/lab/lab up; gone with examples/lab/lab down.
return {
  name = "lab",
  metric = {
    metrics = {
      driver = "prometheus",
      url = "http://127.0.0.1:$(setting prometheus_port)",
      scrape_interval = "1s",
    },
  },
  git = {
    api = {
      driver = "libgit2",
      path = "$STATE/repo",
      ci = "notes",
      migrations = "migrations",
    },
  },
  http = {
    api = {
      driver = "http",
      url = "http://127.0.0.1:$(setting shop_port)",
    },
  },
LUA
}

# A step by the tool itself, where it is a program. The address is a secret:
# it goes into a variable, not into the arguments.
migrate_commands() {
    [ "$(setting tool)" = alembic ] || return 0
    cat <<LUA
      tool_down = { "$ALEMBIC", "--config", "{migrations}/alembic.ini",
        "downgrade", "{previous}" },
      tool_up = { "$ALEMBIC", "--config", "{migrations}/alembic.ini",
        "upgrade", "{version}" },
      set = { SHOP_DATABASE_URL = "{url}", PYTHONDONTWRITEBYTECODE = "1" },
LUA
}

environment_deploys() {
    cat <<LUA
  deploy = {
    api = {
      driver = "symlink",
      releases = "$STATE/releases",
      instances = {
$(lua_instance blue)
$(lua_instance green)
      },
      health_timeout = "20s",
    },
    ["api-traffic"] = {
      driver = "haproxy",
      socket = "$STATE/haproxy.sock",
      backend = "shop",
      instances = { blue = "blue", green = "green" },
    },
  },
  migrate = {
    api = {
      driver = "postgres",
      url = "file:database.url",
      repo = "$STATE/repo",
      migrations = "migrations",
      tool = "$(setting tool)",
      at_start = "nothing", -- a deploy migrates, the shop itself does not
$(migrate_commands)
    },
  },
  snapshot = {
    api = { driver = "pg_dump", url = "file:database.url" },
  },
  flag = {
    flags = { driver = "file", path = "$STATE/flags.json" },
  },
LUA
}

environment_tells() {
    cat <<LUA
  notify = {
    incidents = { driver = "slack", webhook = "file:slack.url" },
    oncall = {
      driver = "smtp",
      url = "smtp://127.0.0.1:$(setting smtp_port)",
      from = "rbrun@lab.invalid",
      to = { "oncall@lab.invalid" },
    },
    events = {
      driver = "webhook",
      url = "http://127.0.0.1:$(setting webhook_port)/events",
    },
  },
LUA
}

environment_grants() {
    cat <<'LUA'
  grants = {
    ["keep_catalog.lua"] = { "deploy.current api", "snapshot.catalog api" },
    ["down.lua"] = {
      "deploy.current api",
      "migrate.* api",
      "snapshot.take api",
    },
    ["api.lua"] = {
      "metric.* metrics",
      "git.* api",
      "deploy.* api",
      "deploy.* api-traffic",
      "migrate.status api",
      "migrate.assess api",
      "snapshot.* api",
      "flag.* flags",
      "notify.send *",
      "http.check api",
      "wait.sleep",
      "clock.now",
      "secret.check",
    },
  },
}
LUA
}
