#!/bin/sh
# git.last_green in a repository of COMMITS commits, the newest green one
# BACK behind the tip, against `git log` with notes that stops at the first
# green line. Prints the median of RUNS runs of each, and the ratio.
# usage: last_green.sh [BUILD] [COMMITS] [BACK] [RUNS]
set -eu
build=${1:-build} commits=${2:-100000} back=${3:-500} runs=${4:-21}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
repo=$scratch/repo.git
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

git init -q --bare -b main "$repo"

# A stream of commits, each with a note. fast-import keeps notes in folders
# of two digits as they become many, as `git notes` does.
awk -v commits="$commits" -v back="$back" '
function data(text) { printf "data %d\n%s\n", length(text), text }
function person(n) {
    printf "committer A <a@example.org> %d +0000\n", 1600000000 + n * 60
}
BEGIN {
    for (n = 1; n <= commits; n++) {
        print "commit refs/heads/main"
        print "mark :" n
        person(n)
        data("change " n)
        print "M 100644 inline src/file" n % 100
        data("version " n)
    }
    print "commit refs/notes/ci"
    person(commits)
    data("results")
    for (n = 1; n <= commits; n++) {
        print "N inline :" n
        state = n > commits - back ? "failure" : "success"
        data("build: success\ntest: " state "\n")
    }
    print "done"
}' | git -C "$repo" fast-import --quiet --done
git -C "$repo" repack -qad
git -C "$repo" pack-refs --all

printf '{"path":"%s"}' "$repo" >"$scratch/binding.json"
printf '{"branch":"main","limit":%d}' $((back + 1)) >"$scratch/args.json"

by_rbrun() {
    "$build/tests/driver-call" libgit2 git.last_green \
        "$scratch/binding.json" "$scratch/args.json" |
        sed 's/.*"commit":"\([0-9a-f]*\)","s[iu].*/\1/'
}
# What people do: notes next to each commit, the first without a failure.
by_log() {
    git -C "$repo" log --first-parent --notes=ci --format='commit %H%n%N' \
        main | awk '
        /^commit / { if (id != "" && good && !bad) exit; id = $2
                     good = bad = 0; next }
        /: success$/ { good = 1 }
        /: (failure|pending)$/ { bad = 1 }
        END { print id }'
}
time_of() { # microseconds of one run
    start=$(date +%s%N)
    "$1" >"$scratch/$1"
    end=$(date +%s%N)
    echo $(((end - start) / 1000)) >>"$scratch/$1.times"
}
median() {
    sort -n "$scratch/$1.times" | sed -n "$((runs / 2 + 1))p"
}
# In turn, so that both meet the same machine.
i=0
while [ "$i" -lt "$runs" ]; do
    time_of by_rbrun
    time_of by_log
    i=$((i + 1))
done
ours=$(median by_rbrun)
theirs=$(median by_log)
expected=$(git -C "$repo" rev-parse "main~$back")
for answer in by_rbrun by_log; do
    if [ "$(cat "$scratch/$answer")" != "$expected" ]; then
        echo "$answer found $(cat "$scratch/$answer"), not $expected" >&2
        exit 1
    fi
done
awk -v a="$ours" -v b="$theirs" -v commits="$commits" -v back="$back" 'BEGIN {
    printf "last_green, %d commits, %d back: rbrun %.1f ms, git log %.1f ms, " \
        "ratio %.2f\n", commits, back, a / 1000, b / 1000, a / b }'
