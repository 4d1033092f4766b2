# shellcheck shell=bash
# What every part of the lab shares: where its state lies, how it speaks,
# and how it starts and ends processes. Sourced, never run.

set -euo pipefail
umask 022

PARTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=$(dirname "$PARTS")
# shellcheck disable=SC2034 # used by the parts
PYTHON=/usr/bin/python3 # Debian's: the one python3-psycopg2 is for

say() {
    printf '%s\n' "$*"
}

# die CAUSE WAY-OUT: the way out is the last line, where the eye rests.
die() {
    printf 'lab: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'next: %s\n' "$2" >&2
    exit 1
}

# The state directory. Root's own run-time directory is closed to the user
# that PostgreSQL has to run as, so root's lab lies in /tmp.
state_directory() {
    local base=${XDG_RUNTIME_DIR:-/tmp}
    [ "$UID" -ne 0 ] || base=/tmp
    [ -d "$base" ] || base=/tmp
    realpath --canonicalize-missing --no-symlinks \
        "${RBRUN_LAB:-$base/rbrun-lab-$UID}"
}

# The path goes into the configuration of five servers, each with quotes of
# its own, and a unix socket below it may have 107 bytes.
check_state() {
    case $STATE in
    *[!A-Za-z0-9/._+-]*)
        die "the path $STATE holds a blank or a special character" \
            "set RBRUN_LAB to a plain path"
        ;;
    esac
    [ "${#STATE}" -le 85 ] ||
        die "the path $STATE is too long for a socket below it" \
            "set RBRUN_LAB to a shorter one"
}

# A directory is the lab's own when it carries the lab's mark and belongs to
# this user: nothing else is ever filled or removed.
is_lab() {
    [ -d "$STATE" ] && [ ! -L "$STATE" ] && [ -O "$STATE" ] &&
        [ -f "$STATE/rbrun-lab" ]
}

need_lab() {
    is_lab || die "no lab is up in $STATE" "$LAB/lab up"
}

# One command at a time changes the lab. The lock is the directory itself,
# so that it goes with it.
lock_lab() {
    exec 9<"$STATE"
    flock --wait 60 9 ||
        die "another lab command has been at work in $STATE for a minute" \
            "wait for it, then try again"
}

# Settings: NAME=value lines, written by `lab up`, values without blanks.
setting() {
    sed -n "s/^$1=//p" "$STATE/settings"
}

# The start time of a process in clock ticks since boot: with the pid it
# names one process for good (proc(5), field 22 of stat; the second field may
# hold blanks and brackets, so count from behind it).
start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

# The recorded pid of a part, if it is still that process.
pid_of() {
    local pid started
    [ -f "$STATE/pids/$1" ] || return 1
    read -r pid started <"$STATE/pids/$1" || return 1
    [ "$(start_time "$pid")" = "$started" ] || return 1
    printf '%s\n' "$pid"
}

close_inherited() {
    local fd
    for fd in "/proc/$BASHPID/fd/"*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
}

# start NAME COMMAND...: in a session of its own, output to its log. The
# new process records itself (parts/daemon) before it becomes the command, so
# that not even a kill at the worst moment leaves one that nobody knows of.
# Returns when it is recorded: whoever started this may then end the group.
start() {
    local name=$1 child
    shift
    pid_of "$name" >/dev/null && return
    rm -f "$STATE/pids/$name"
    (
        exec </dev/null >>"$STATE/log/$name.log" 2>&1
        close_inherited
        exec setsid "$PARTS/daemon" "$STATE" "$name" "$@"
    ) &
    child=$!
    until [ -s "$STATE/pids/$name" ]; do
        kill -0 "$child" 2>/dev/null ||
            die "$name could not be started" "read $STATE/log/$name.log"
        sleep 0.01
    done
}

# stop NAME [SIGNAL]: ask, wait up to 10 s, insist.
stop() {
    local name=$1 signal=${2:-TERM} pid tries
    if pid=$(pid_of "$name"); then
        kill -s "$signal" "$pid" 2>/dev/null || true
        for tries in $(seq 200); do
            pid_of "$name" >/dev/null || break
            [ "$tries" -lt 200 ] || kill -s KILL "$pid" 2>/dev/null || true
            sleep 0.05
        done
    fi
    rm -f "$STATE/pids/$name"
}

# await SECONDS WHAT PART COMMAND...: poll until the command succeeds, but
# give up at once when the part that should bring it about has died.
await() {
    local seconds=$1 what=$2 part=$3 deadline=$((SECONDS + $1))
    shift 3
    until "$@" >/dev/null 2>&1; do
        if [ "$part" != - ] && [ -s "$STATE/pids/$part" ] &&
            ! pid_of "$part" >/dev/null; then
            tail -n 15 "$STATE/log/$part.log" >&2
            die "$part ended while starting" "read $STATE/log/$part.log"
        fi
        if [ "$SECONDS" -ge "$deadline" ]; then
            [ "$part" = - ] || tail -n 15 "$STATE/log/$part.log" >&2
            die "$what did not come true in ${seconds}s" \
                "read $STATE/log, or start afresh: lab down, lab up"
        fi
        sleep 0.1
    done
}

# fetch URL: the body of an answer of 200. Loopback only, so short.
fetch() {
    curl --fail --silent --show-error --max-time 5 "$1"
}

STATE=$(state_directory)
