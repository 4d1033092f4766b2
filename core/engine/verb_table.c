/*
 * The table of verbs. A row here is all that a new verb needs on the
 * engine's side besides a driver.
 */
#include "verb.h"

#define P static const struct verb_parameter
#define R static const struct verb_result
#define END                                                                    \
    {                                                                          \
        NULL, NULL, NULL, 0, NULL                                              \
    }
#define DONE                                                                   \
    {                                                                          \
        NULL, NULL, NULL                                                       \
    }

P no_parameters[] = {END};

/* metric */
P metric_query[] = {
    {"expr", "text", "PromQL", 1, "the query"},
    {"source", "text", "", 0, "which metric system, where there are several"},
    {"fold", "text", "sum, max, min or mean", 0,
     "how several series become one number; without it several are refused"},
    {"window", "duration", "", 0,
     "the widest rate window in expr, when it cannot be read from expr"},
    {"timeout", "duration", "", 0, "give up after"},
    END};
R metric_value[] = {{"value", "number", "the number"},
                    {"age", "number", "seconds between the sample and now"},
                    {"at", "number", "time of the sample, seconds since 1970"},
                    {"series", "integer", "how many series were folded"},
                    {"expr", "string", "the query, as asked"},
                    DONE};
P metric_range[] = {{"expr", "text", "PromQL", 1, "the query"},
                    {"source", "text", "", 0, "which metric system"},
                    {"last", "duration", "", 1, "from this long ago until now"},
                    {"step", "duration", "", 1, "distance between two points"},
                    {"fold", "text", "sum, max, min or mean", 0,
                     "how several series become one"},
                    {"timeout", "duration", "", 0, "give up after"},
                    END};
R metric_points[] = {
    {"count", "integer", "how many points"},
    {"first", "number", "the oldest point's value"},
    {"last", "number", "the newest point's value"},
    {"min", "number", "smallest value"},
    {"max", "number", "largest value"},
    {"mean", "number", "mean value"},
    {"median", "number", "median value"},
    {"p95", "number", "95th percentile"},
    {"age", "number", "seconds between the newest point and now"},
    {"series", "integer", "how many series were folded"},
    {"points", "table", "the values, oldest first, at most 1000"},
    {"expr", "string", "the query, as asked"},
    DONE};
P metric_await[] = {
    {"expr", "text", "PromQL", 1, "the query"},
    {"source", "text", "", 0, "which metric system"},
    {"fold", "text", "sum, max, min or mean", 0,
     "how several series become one"},
    {"below", "number", "", 0, "true while the value is at most this"},
    {"above", "number", "", 0, "true while the value is at least this"},
    {"within", "duration", "", 1, "how long to wait for it"},
    {"holds", "duration", "", 0, "it must stay true this long (default 0s)"},
    {"window", "duration", "", 0, "the widest rate window in expr"},
    END};
R metric_awaited[] = {{"value", "number", "the last value seen"},
                      {"age", "number", "seconds between the sample and now"},
                      {"took", "number", "seconds waited"},
                      {"expr", "string", "the query, as asked"},
                      DONE};

/* git */
P git_resolve[] = {{"repo", "text", "", 0, "which repository"},
                   {"ref", "text",
                    "branch, tag, abbreviated hash, or a range such as "
                    "\"semver:2.x\"",
                    1, "what to resolve"},
                   END};
R git_commit[] = {{"commit", "string", "the full hash"},
                  {"tag", "string", "a tag that points at it, if there is one"},
                  {"subject", "string", "first line of the commit message"},
                  {"author", "string", "name of the author"},
                  {"time", "number", "commit time, seconds since 1970"},
                  DONE};
P git_last_green[] = {
    {"repo", "text", "", 0, "which repository"},
    {"branch", "text", "", 1, "whose first-parent line is walked"},
    {"before", "text", "commit", 0,
     "start behind this commit, which is not a candidate itself"},
    {"path", "text", "", 0, "only commits that change something below it"},
    {"tagged", "bool", "", 0, "only commits that carry a tag"},
    {"limit", "int", "commits", 0, "look at no more (default 5000)"},
    END};
R git_green[] = {
    {"commit", "string", "the full hash"},
    {"tag", "string", "a tag that points at it, if there is one"},
    {"subject", "string", "first line of the commit message"},
    {"time", "number", "commit time, seconds since 1970"},
    {"behind", "integer", "how many commits were passed over"},
    {"skipped", "table", "the passed ones: {commit, state}, at most 20"},
    {"signals", "table", "the CI results: {name, state}"},
    DONE};
P git_changes[] = {{"repo", "text", "", 0, "which repository"},
                   {"from", "text", "commit or tag", 1, "the older side"},
                   {"to", "text", "commit or tag", 1, "the newer side"},
                   {"path", "text", "", 0, "only files below this folder"},
                   END};
R git_change_list[] = {
    {"count", "integer", "how many commits"},
    {"commits", "table",
     "newest first, at most 100: {commit, subject, "
     "author, time}"},
    {"files", "table",
     "{path, change = added|modified|removed|renamed, "
     "old_path}"},
    {"migrations", "table", "files that are migrations, the same shape"},
    {"ancestor", "boolean", "whether from is an ancestor of to"},
    DONE};

/* deploy */
P deploy_current[] = {{"target", "text", "", 0, "which deploy target"}, END};
R deploy_live[] = {
    {"version", "string", "what is live, read from the target itself"},
    {"commit", "string", "its commit, where the target knows it"},
    {"healthy", "boolean",
     "whether every instance answers as healthy; nil where nothing says so"},
    {"instances", "table", "{name, version, healthy}"},
    {"since", "number", "when it was deployed, seconds since 1970"},
    DONE};
P deploy_release[] = {
    {"target", "text", "", 0, "which deploy target"},
    {"version", "text", "commit, tag or release name", 1,
     "the version to make live; never \"previous\""},
    {"expect", "text", "", 0,
     "refuse (conflict) unless this version is live now"},
    {"within", "duration", "", 0, "healthy within (default 5m)"},
    END};
P deploy_shift[] = {{"target", "text", "", 0, "which deploy target"},
                    {"weights", "table", "instance = percent", 1,
                     "share of the traffic for each instance, summing to 100"},
                    END};
R deploy_shifted[] = {{"weights", "table", "instance = percent, as read back"},
                      {"before", "table", "instance = percent, as it was"},
                      DONE};

/* migrate */
P migrate_status[] = {
    {"database", "text", "", 0, "which database"},
    {"at", "text", "commit or tag", 0,
     "compare the ledger with the migrations of this version"},
    END};
R migrate_state[] = {
    {"version", "string",
     "current version of the ledger; absent when empty or of several heads"},
    {"tool", "string", "golang-migrate, rails, alembic, ..."},
    {"table", "string", "the ledger, \"schema.table\""},
    {"dirty", "boolean", "a migration failed half-way"},
    {"failed", "table", "{version, why} of those"},
    {"applied", "table",
     "applied versions the ledger lists; of more than 5000 the newest"},
    {"count", "integer", "how many those are"},
    {"heads", "table",
     "several when the history branches; one an app or "
     "project"},
    {"batch", "string", "in which the newest was, of tools that have batches"},
    {"lock", "table", "{table, held, by, since}, of tools that have one"},
    {"also", "table", "other tables that look like ledgers, as texts"},
    {"difference", "table",
     "with at: {missing, pending, changed, late, compared}: applied without a "
     "file, not applied, another text than ran, older than what is applied"},
    {"boot", "table",
     "with at: {verdict, because, advice, evidence}: whether that version "
     "starts on this ledger; verdict is boots, fails or unknown"},
    DONE};
P migrate_assess[] = {
    {"database", "text", "", 0, "which database"},
    {"from", "text", "commit or tag", 1, "the version gone back to"},
    {"to", "text", "commit or tag", 1, "the version being left"},
    END};
R migrate_verdict[] = {
    {"verdict", "string",
     "none, compatible, caution, incompatible or unknown: may the older code "
     "run on the newer schema; caution: yes, and read what it says"},
    {"reasons", "table",
     "why not: {level, code, object, detail, file, line, text, safe}"},
    {"cautions", "table", "the same, with kind"},
    {"caution_kinds", "table", "of data, behaviour, performance, shape"},
    {"texts", "table", "the reasons as lines, and who was not heard"},
    {"witnesses", "table",
     "catalog = {heard, verdict, because, taken_at}, statements = {heard, "
     "source, tested, broken, untestable, ..}, text = {heard, verdict}"},
    {"disagreement", "string", "catalog and text tell another, and how"},
    {"boot", "table",
     "will the older release start on the newer ledger: {verdict = boots, "
     "fails or unknown, because, advice}"},
    {"migrations", "table",
     "{file, version, verdict, applied, reasons, cautions}"},
    {"count", "integer", "how many migrations lie in the range"},
    {"pending", "integer",
     "how many of them are not applied yet; verdict does not count them; "
     "absent where all are"},
    {"after", "string",
     "the verdict once those are applied, too: what a gate before a release "
     "asks for; absent where all are"},
    DONE};
P migrate_try[] = {
    {"database", "text", "", 0, "which database"},
    {"expect", "text", "ledger version", 1,
     "the ledger's current version; anything else is a conflict"},
    {"at", "text", "commit or tag", 1,
     "where the migration file is read: the version being left for down, "
     "the one being reached for up"},
    {"direction", "text", "down or up", 0, "which step (default down)"},
    {"from", "text", "commit or tag", 0,
     "compare with the catalog that snapshot.catalog kept of it, where this "
     "step is all that lies between"},
    END};
R migrate_rehearsed[] = {
    {"applies", "boolean", "it runs on a copy of the schema without data"},
    {"error", "string", "why it does not"},
    {"restores", "string",
     "yes, column_order_differs, no or unknown: step and way back together "
     "come to the same schema"},
    {"compared", "string", "with what, or why it cannot be told"},
    {"missing", "table", "what would be missing then, as texts"},
    {"extra", "table", "what would be too much then, as texts"},
    {"version", "string", "the version that the step takes back or applies"},
    {"file", "string", "the file of the step"},
    {"statements", "integer", "how many statements"},
    {"transaction", "boolean", "whether they run in one transaction"},
    {"alone", "table", "lines of statements that run one by one"},
    {"locks", "table",
     "{relation, mode, work, rows, bytes, held_by = {{pid, user, application, "
     "state, seconds, mode, query}}}; work: rewrite, index, scan or none"},
    {"invalid_indexes", "table", "left by CREATE INDEX CONCURRENTLY, as texts"},
    {"seconds", "number", "how long it took"},
    DONE};
R migrate_lost[] = {
    {"items", "table",
     "{kind, object, rows, exact, fails, text}; rows is absent where nobody "
     "knows"},
    {"rows", "integer", "rows and values lost in all, as far as counted"},
    {"unknown", "integer", "items that could not be counted"},
    {"fails", "table", "what would make the step fail, as texts"},
    {"version", "string", "the version that the step takes back or applies"},
    {"file", "string", "the file of the step"},
    DONE};
P migrate_step[] = {
    {"database", "text", "", 0, "which database"},
    {"expect", "text", "ledger version", 1,
     "the ledger's current version; anything else is a conflict"},
    {"at", "text", "commit or tag", 1,
     "where the migration file is read: the version being left for down, "
     "the one being reached for up"},
    {"from", "text", "commit or tag", 0,
     "down: compare with the catalog that snapshot.catalog kept of it, where "
     "this step is all that lies between"},
    {"snapshot", "text", "id", 0,
     "down: the snapshot.take that holds what may be lost; it is read back"},
    {"accept_loss", "table", "object = rows", 0,
     "down: what may be lost, at most so many rows of each, or \"any\"; "
     "schema = \"any\" goes on where the older schema does not come back"},
    {"lock_timeout", "duration", "", 0, "wait for locks (default 5s)"},
    {"statement_timeout", "duration", "", 0, "a statement (default 5m)"},
    END};
R migrate_moved[] = {
    {"version", "string", "the ledger's version now; absent when empty"},
    {"before", "string", "the version before"},
    {"file", "string", "the file that ran"},
    {"statements", "integer", "how many statements"},
    {"transaction", "boolean", "whether it ran in one transaction"},
    DONE};

/* notify */
P notify_send[] = {
    {"channel", "text", "", 0, "which channel"},
    {"text", "text", "", 1, "the message"},
    {"title", "text", "", 0, "a heading, or the subject of a mail"},
    {"severity", "text", "info, warning or critical", 0, "default info"},
    END};
R notify_sent[] = {{"attempts", "integer", "how many tries it took"}, DONE};

/* snapshot */
P snapshot_take[] = {{"of", "text", "", 0, "which snapshot source"},
                     {"note", "text", "", 0, "why, kept in the manifest"},
                     END};
R snapshot_taken[] = {
    {"id", "string", "its name; snapshot.verify takes it"},
    {"bytes", "integer", "size on disk"},
    {"files", "integer", "how many files"},
    {"seconds", "number", "how long it took"},
    {"verified", "boolean", "it was read back whole"},
    {"path", "string", "where it lies"},
    {"not_covered", "table", "what it does not hold, as texts"},
    DONE};
P snapshot_verify[] = {{"of", "text", "", 0, "which snapshot source"},
                       {"id", "text", "", 1, "as snapshot.take gave it"},
                       END};
R snapshot_checked[] = {{"id", "string", "its name"},
                        {"files", "integer", "how many files were read"},
                        {"bytes", "integer", "how many bytes were read"},
                        {"age", "number", "seconds since it was taken"},
                        DONE};
P snapshot_catalog[] = {
    {"of", "text", "", 0, "which database, by its snapshot source"},
    {"commit", "text", "commit's full name", 1,
     "the version that is live and whose schema this is"},
    END};
R snapshot_of_catalog[] = {
    {"id", "string", "hash of the catalog"},
    {"commit", "string", "the version it was kept for"},
    {"database", "string", "the database's own name"},
    {"version", "string", "what the migration ledger was at; absent without"},
    {"statements", "integer",
     "how many texts of pg_stat_statements were kept with it"},
    {"no_statements", "string", "why none, where pg_stat_statements is silent"},
    {"incomplete", "table", "what could not be read of the catalog, as texts"},
    {"taken_at", "integer", "milliseconds since 1970"},
    {"bytes", "integer", "size of the catalog on disk"},
    {"path", "string", "where its record lies"},
    DONE};

/* flag */
P flag_get[] = {{"flags", "text", "", 0, "which flag system"},
                {"flag", "text", "", 1, "its name"},
                END};
R flag_state[] = {{"flag", "string", "its name"},
                  {"on", "boolean", "whether it is on"},
                  DONE};
P flag_set[] = {{"flags", "text", "", 0, "which flag system"},
                {"flag", "text", "", 1, "its name"},
                {"on", "bool", "", 1, "the state to bring about"},
                END};
R flag_changed[] = {{"flag", "string", "its name"},
                    {"on", "boolean", "whether it is on"},
                    {"before", "boolean", "whether it was on"},
                    DONE};

/* http, command, wait, clock, secret, run */
P http_check[] = {
    {"check", "text", "", 0, "which address of the environment"},
    {"path", "text", "", 0, "below the bound address (default as bound)"},
    {"status", "int", "HTTP status", 0, "what counts as well (default 200)"},
    {"contains", "text", "", 0, "the body must hold this text"},
    {"within", "duration", "", 0, "keep trying this long (default: once)"},
    END};
R http_checked[] = {{"status", "integer", "HTTP status"},
                    {"seconds", "number", "time of the last answer"},
                    {"body", "string", "the first 4096 bytes"},
                    DONE};
P command_run[] = {
    {"command", "text", "", 0, "which command of the environment"},
    {"args", "list", "", 0, "arguments behind the bound ones"},
    {"timeout", "duration", "", 0, "kill its process group after"},
    END};
R command_ran[] = {{"status", "integer", "exit status, 0"},
                   {"output", "string", "last 4096 bytes of stdout"},
                   {"seconds", "number", "how long it took"},
                   DONE};
P wait_sleep[] = {{"seconds", "number", "s", 0, "how long"},
                  {"duration", "duration", "", 0, "how long, as \"30s\""},
                  END};
R wait_slept[] = {{"seconds", "number", "how long it was meant to be"}, DONE};
R clock_time[] = {{"seconds", "number", "seconds since 1970"},
                  {"text", "string", "the same as 2026-01-31T03:04:05Z"},
                  DONE};
P secret_check[] = {{"secret", "text",
                     "env:NAME, file:PATH, "
                     "credential:NAME, or noun.binding.key",
                     1, "which reference of the environment to check"},
                    END};
R secret_state[] = {{"present", "boolean", "it resolves and is not empty"},
                    {"bytes", "integer", "its length"},
                    DONE};

#define READS                                                                  \
    "ok no_data partial rejected auth not_found retryable timeout unavailable"
#define WRITES                                                                 \
    "ok rejected auth not_found conflict retryable timeout not_reached "       \
    "unavailable unknown_outcome"

/* clang-format off */
const struct verb verb_table[] = {
    {"metric.query", EFFECT_READ, "source",
     "Ask a metric system for one number; after a change, once it is new.",
     metric_query, metric_value, READS, "15m", NULL,
     "local errors = metric.query { expr = \"job:errors:rate1m\" }"},
    {"metric.range", EFFECT_READ, "source",
     "Ask for the numbers of a stretch of time up to now.",
     metric_range, metric_points, READS, "15m", NULL,
     "local hour = metric.range { expr = \"up\", last = \"1h\", step = \"15s\" }"},
    {"metric.await", EFFECT_READ, "source",
     "Wait until a number is, and stays, where it should be.",
     metric_await, metric_awaited, READS " not_reached", "24h", NULL,
     "metric.await { expr = \"job:errors:rate1m\", below = 0.02, within = \"5m\" }"},
    {"git.resolve", EFFECT_READ, "repo",
     "Find the commit that a name means.",
     git_resolve, git_commit, READS, "60s", NULL,
     "local fix = git.resolve { repo = \"api\", ref = \"semver:2.x\" }"},
    {"git.last_green", EFFECT_READ, "repo",
     "Find the newest commit on a branch whose CI results are all good.",
     git_last_green, git_green, READS, "120s", NULL,
     "local good = git.last_green { repo = \"api\", branch = \"main\", before = live.commit }"},
    {"git.changes", EFFECT_READ, "repo",
     "List commits and files between two versions.",
     git_changes, git_change_list, READS, "120s", NULL,
     "local changes = git.changes { repo = \"api\", from = good.commit, to = live.commit }"},
    {"deploy.current", EFFECT_READ, "target",
     "Read from the target itself which version is live.",
     deploy_current, deploy_live, READS, "30s", NULL,
     "local live = deploy.current { target = \"api\" }"},
    {"deploy.release", EFFECT_WRITE, "target",
     "Make a named version live, and wait until it is healthy.",
     deploy_release, deploy_live, WRITES, "30m", "deploy.current",
     "deploy.release { target = \"api\", version = good.commit, expect = live.version }"},
    {"deploy.shift", EFFECT_WRITE, "target",
     "Give each instance its share of the traffic.",
     deploy_shift, deploy_shifted, WRITES, "60s", NULL,
     "deploy.shift { target = \"api\", weights = { blue = 100, green = 0 } }"},
    {"migrate.status", EFFECT_READ, "database",
     "Read the ledger of applied migrations.",
     migrate_status, migrate_state, READS " conflict", "30s", NULL,
     "local ledger = migrate.status { database = \"api\" }"},
    {"migrate.assess", EFFECT_READ, "database",
     "Say whether the older code can run on the newer schema.",
     migrate_assess, migrate_verdict, READS, "120s", NULL,
     "local changes = migrate.assess { from = good.commit, to = live.commit }"},
    {"migrate.rehearse", EFFECT_READ, "database",
     "Try the next step on a copy of the schema.",
     migrate_try, migrate_rehearsed, READS " conflict", "10m", NULL,
     "local trial = migrate.rehearse { expect = \"8\", at = live.commit }"},
    {"migrate.loss", EFFECT_READ, "database",
     "Count what the next step would lose, and what would make it fail.",
     migrate_try, migrate_lost, READS " conflict", "15m", NULL,
     "local loss = migrate.loss { expect = \"8\", at = live.commit }"},
    {"migrate.up", EFFECT_WRITE, "database",
     "Apply exactly the next migration.",
     migrate_step, migrate_moved, WRITES, "30m", "migrate.status",
     "migrate.up { database = \"api\", expect = \"7\", at = \"v2.5.0\" }"},
    {"migrate.down", EFFECT_WRITE, "database",
     "Take back exactly the current migration: the last resort.",
     migrate_step, migrate_moved, WRITES, "30m", "migrate.status",
     "migrate.down { expect = \"8\", at = live.commit, snapshot = copy.id }"},
    {"notify.send", EFFECT_NOTIFY, "channel",
     "Tell people. It is retried, and never fails a run.",
     notify_send, notify_sent, WRITES, "60s", NULL,
     "notify.send { channel = \"incidents\", text = \"api is going back\" }"},
    {"snapshot.take", EFFECT_WRITE, "of",
     "Keep a copy of a state, and read it back whole.",
     snapshot_take, snapshot_taken, WRITES, "6h", NULL,
     "snapshot.take { of = \"api\", note = \"before the rollback\" }"},
    {"snapshot.verify", EFFECT_READ, "of",
     "Read a kept copy back, every byte.",
     snapshot_verify, snapshot_checked, READS " conflict", "6h", NULL,
     "snapshot.verify { of = \"api\", id = copy.id }"},
    {"snapshot.catalog", EFFECT_WRITE, "of",
     "Keep what the schema is, and the statements that the live code sends.",
     snapshot_catalog, snapshot_of_catalog, WRITES " partial", "5m", NULL,
     "snapshot.catalog { of = \"api\", commit = live.commit }"},
    {"flag.get", EFFECT_READ, "flags",
     "Read a feature flag.",
     flag_get, flag_state, READS, "30s", NULL,
     "local on = flag.get { flag = \"new-checkout\" }"},
    {"flag.set", EFFECT_WRITE, "flags",
     "Switch a feature flag.",
     flag_set, flag_changed, WRITES, "60s", "flag.get",
     "flag.set { flag = \"new-checkout\", on = false }"},
    {"http.check", EFFECT_READ, "check",
     "Ask an address, and say whether it answers as it should.",
     http_check, http_checked, READS " not_reached", "10m", NULL,
     "http.check { check = \"api\", path = \"/healthz\", within = \"30s\" }"},
    {"command.run", EFFECT_WRITE, "command",
     "Run a command that the environment names, without a shell.",
     command_run, command_ran, WRITES, "10m", NULL,
     "command.run { command = \"purge-cache\", args = { \"api\" } }"},
    {"wait.sleep", EFFECT_WAIT, NULL,
     "Let time pass; a resumed run waits only the rest.",
     wait_sleep, wait_slept, "ok", "30d", NULL,
     "wait.sleep { duration = \"30s\" }"},
    {"clock.now", EFFECT_READ, NULL,
     "The time, as an answer that is journaled.",
     no_parameters, clock_time, "ok", "1s", NULL,
     "local now = clock.now()"},
    {"secret.check", EFFECT_READ, NULL,
     "Whether a secret that the environment refers to can be read.",
     secret_check, secret_state, "ok not_found", "10s", NULL,
     "secret.check { secret = \"env:DEPLOY_TOKEN\" }"},
    {NULL, EFFECT_READ, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
/* clang-format on */
