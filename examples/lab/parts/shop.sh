# shellcheck shell=bash
# The shop in the lab: its two instances, its flags, and what can be seen of
# it from outside. Sourced.

INSTANCES=(blue green)
WINDOW=15s # of the rates shown; the runbook has its own input for it

# What `lab` and `demo` show; the runbook asks the same of Prometheus itself.
error_share() {
    "$PYTHON" "$PARTS/metric.py" "$(prometheus_url)" \
        "sum(rate(http_requests_total{service=\"api\",code=~\"5..\"}[$WINDOW]))
        / sum(rate(http_requests_total{service=\"api\"}[$WINDOW]))"
}

slow_seconds() {
    "$PYTHON" "$PARTS/metric.py" "$(prometheus_url)" \
        "histogram_quantile(0.95, sum by (le) (rate(
        http_request_duration_seconds_bucket{service=\"api\"}[$WINDOW])))"
}

prometheus_url() {
    printf 'http://127.0.0.1:%s' "$(setting prometheus_port)"
}

instance_url() {
    printf 'http://127.0.0.1:%s' "$(setting "$1_port")"
}

# The version an instance says it is, not what its symlink claims.
instance_version() {
    fetch "$(instance_url "$1")/version" |
        sed -n 's/.*"version": *"\([^"]*\)".*/\1/p'
}

instance_runs() {
    [ "$(instance_version "$1")" = "$2" ] &&
        fetch "$(instance_url "$1")/healthz"
}

# point NAME RELEASE: switch the symlink as the driver does, by a rename.
point() {
    mkdir -p "$STATE/$1"
    ln -sfn "$STATE/releases/$2" "$STATE/$1/current.new"
    mv -T "$STATE/$1/current.new" "$STATE/$1/current"
}

# Make a release live on both instances.
shop_deploy() {
    local name
    for name in "${INSTANCES[@]}"; do
        point "$name" "$1"
        "$PARTS/instance" "$STATE" restart "$name"
    done
    for name in "${INSTANCES[@]}"; do
        await 20 "$name running $1" "shop-$name" instance_runs "$name" "$1"
    done
}

shop_stop() {
    local name
    for name in "${INSTANCES[@]}"; do
        "$PARTS/instance" "$STATE" stop "$name"
    done
}

# flags_write NEW-CHECKOUT: true or false
flags_write() {
    printf '{"new-checkout": %s, "show-stock": true}\n' "$1" \
        >"$STATE/flags.json.new"
    mv "$STATE/flags.json.new" "$STATE/flags.json"
}
