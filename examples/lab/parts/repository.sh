# shellcheck shell=bash
# The lab's git repository: main with tagged releases, migrations beside the
# code, and CI results as notes (refs/notes/ci), built from history/ with
# fixed dates, so that a commit has the same hash everywhere. Sourced.

HISTORY=$LAB/history
FIRST_COMMIT=1793613600 # 2026-11-02T10:00:00Z
BETWEEN_COMMITS=25200   # s

lab_git() {
    git -c safe.directory='*' -c advice.detachedHead=false "$@"
}

# Nothing of the user's own git configuration may change a hash.
git_identity() {
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_NAME='Shop' GIT_AUTHOR_EMAIL='shop@example.invalid'
    export GIT_COMMITTER_NAME='Shop' GIT_COMMITTER_EMAIL='shop@example.invalid'
    unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
}

# note_ci green|red|-: what the CI said of the commit just made.
note_ci() {
    local integration=success
    [ "$1" != - ] || return 0
    [ "$1" = green ] || integration=failure
    printf 'build: success\nintegration: %s\n' "$integration" |
        lab_git notes --ref=ci add --file=- HEAD
}

# Where the lab's tool is Alembic, the revisions of the same changes stand in
# the place of SQL files.
migrations_adapt() {
    local file name
    [ "$(setting tool)" = alembic ] || return 0
    if [ ! -d migrations/versions ]; then
        mkdir migrations/versions
        cp "$LAB"/alembic/migrations/*.* migrations
    fi
    for file in migrations/*.up.sql; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .up.sql)
        cp "$LAB"/alembic/migrations/versions/*_"${name#*_}.py" \
            migrations/versions
        rm "$file" "${file%.up.sql}.down.sql"
    done
}

# commit_line NUMBER TAG CI PATCH SUBJECT
commit_line() {
    local when=$((FIRST_COMMIT + $1 * BETWEEN_COMMITS))
    export GIT_AUTHOR_DATE="$when +0000" GIT_COMMITTER_DATE="$when +0000"
    [ "$4" = - ] || lab_git apply -p0 "$HISTORY/patches/$4.patch"
    migrations_adapt
    lab_git add --all
    lab_git commit --quiet --message="$5"
    [ "$2" = - ] || lab_git tag --annotate --message="shop $2" "$2"
    note_ci "$3"
}

# Build main of a scenario (empty: only the good releases) in a new
# directory; it takes the old one's place when it is whole.
repository_build() {
    local scenario=$1 new=$STATE/repo.new lines number=0 tag ci patch subject
    lines=("$HISTORY/base")
    [ -z "$scenario" ] || lines+=("$HISTORY/between" "$HISTORY/$scenario")
    rm -rf "$new"
    mkdir -p "$new"
    cp -r "$LAB/shop/." "$new"
    find "$new" -name __pycache__ -prune -exec rm -rf {} +
    (
        cd "$new" || exit
        git_identity
        lab_git init --quiet --initial-branch=main
        while IFS='|' read -r tag ci patch subject; do
            # shellcheck disable=SC2086
            commit_line "$number" ${tag} ${ci} ${patch} "${subject# }"
            number=$((number + 1))
        done < <(cat "${lines[@]}" | grep -v '^#')
    )
    rm -rf "$STATE/repo"
    mv "$new" "$STATE/repo"
}

# A release directory for every tag: the tree, and the commit in REVISION.
# A directory that holds the tag's commit already is left alone.
releases_build() {
    local tag commit release
    for tag in $(lab_git -C "$STATE/repo" tag --list); do
        commit=$(lab_git -C "$STATE/repo" rev-parse "$tag^{commit}")
        release=$STATE/releases/$tag
        [ "$(cat "$release/REVISION" 2>/dev/null)" != "$commit" ] || continue
        rm -rf "$release"
        mkdir -p "$release"
        lab_git -C "$STATE/repo" archive "$tag" | tar -x -C "$release"
        printf '%s\n' "$commit" >"$release/REVISION"
    done
}
