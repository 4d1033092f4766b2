#define _GNU_SOURCE
#include "session.h"
#include "../store/io.h"
#include "../store/lock.h"
#include "../wire/heap.h"
#include "config.h"
#include "shortage.h"
#include "who.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void session_init(struct session *s, struct observer *observer)
{
    memset(s, 0, sizeof *s);
    s->lock = -1;
    shortage_watch(&s->run);
    s->journal.fd = -1;
    s->observer = observer;
    s->run.worker.fd = -1;
    s->run.observer = observer;
    s->run.program = &s->program;
    s->run.environment = &s->environment;
    s->run.secrets = &s->secrets;
    s->run.context.environment = &s->environment;
    s->run.context.secrets = &s->secrets;
    s->secrets.root = s->environment.root;
    who_is_there(s->by, sizeof s->by);
}

void session_free(struct session *s)
{
    shortage_watch(NULL);
    run_free(&s->run);
    plan_free(&s->plan);
    journal_close(&s->journal);
    tape_free(&s->tape);
    program_free(&s->program);
    environment_free(&s->environment);
    secrets_free(&s->secrets);
    if (s->lock >= 0)
        close(s->lock);
}

/* -- the environment ---------------------------------------------------- */

static int read_environment(struct session *s, const char *file,
                            struct error *err)
{
    struct buf source = BUF_INIT(SOURCE_MAX);
    json_t *table = NULL;
    char path[PLACE_PATH];
    int rc;
    if (!realpath(file, path))
        return error_set_errno(err, RB_NOTFOUND,
                               "cannot read the environment %s", file);
    rc = place_read(path, SOURCE_MAX, &source, err);
    if (!rc)
        rc = config_evaluate(strrchr(path, '/') + 1, &source,
                             s->run.require_jail, &table, err);
    if (!rc)
        rc = environment_take(&s->environment, path, table, err);
    json_decref(table);
    buf_free(&source);
    return rc;
}

int session_environment(struct session *s, const char *file, struct error *err)
{
    int rc = read_environment(s, file, err);
    if (!rc)
        rc = grants_bound(s->environment.file, s->environment.table, err);
    if (rc && !err->next[0])
        error_next(err, "mend it, then: rbrun doctor --environment %s", file);
    return rc;
}

static int only_environment(const char *directory, char *path, size_t size,
                            struct error *err)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    char names[400] = "";
    int count = 0;
    if (!dir && errno == ENOMEM)
        heap_end();
    while (dir && (entry = readdir(dir))) {
        size_t length = strlen(entry->d_name), used = strlen(names);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".lua") != 0)
            continue;
        if (strcmp(entry->d_name, "example.lua") == 0)
            continue; /* a text to copy, not a place to act on */
        count++;
        snprintf(path, size, "%s/%s", directory, entry->d_name);
        snprintf(names + used, sizeof names - used, "%s%.*s", used ? ", " : "",
                 (int)length - 4, entry->d_name);
    }
    if (dir)
        closedir(dir);
    if (count == 1)
        return 0;
    error_set(err, RB_INVALID, "which environment? %s has %s", directory,
              count ? names : "none");
    error_next(err, "add --environment NAME (or a path), or set "
                    "RBRUN_ENVIRONMENT");
    return RB_INVALID;
}

int session_find_environment(const struct program *p, const char *wanted,
                             char *path, size_t size, struct error *err)
{
    char directory[PLACE_PATH + 16];
    const char *slash;
    if (!wanted)
        wanted = getenv("RBRUN_ENVIRONMENT");
    snprintf(directory, sizeof directory, "%s/environments", p->root);
    if (!wanted || !wanted[0])
        return only_environment(directory, path, size, err);
    slash = strchr(wanted, '/');
    if (slash || access(wanted, R_OK) == 0)
        snprintf(path, size, "%s", wanted);
    else
        snprintf(path, size, "%s/%s.lua", directory, wanted);
    if (access(path, R_OK) == 0)
        return 0;
    error_set_errno(err, RB_NOTFOUND, "no environment \"%s\" (%s)", wanted,
                    path);
    error_next(err, "give --environment another name or path: ls %s",
               directory);
    return RB_NOTFOUND;
}

/* -- loading ------------------------------------------------------------ */

static void fill_context(struct session *s)
{
    struct run *r = &s->run;
    r->context.run = r->id;
    r->context.service = value_text(r->header, "service", "");
    snprintf(r->context.artifacts, sizeof r->context.artifacts,
             "%.4000s/artifacts", r->directory);
}

int session_load(struct session *s, const struct session_request *q,
                 enum run_mode mode, struct error *err)
{
    char path[PLACE_PATH];
    uint32_t seed;
    int rc = program_read(&s->program, q->file, err);
    if (!rc)
        rc = session_find_environment(&s->program, q->environment, path,
                                      sizeof path, err);
    if (!rc)
        rc = session_environment(s, path, err);
    if (rc)
        return rc;
    if (io->random(&seed, sizeof seed) != (ssize_t)sizeof seed)
        seed = (uint32_t)getpid();
    s->run.seed = (int64_t)seed;
    s->run.mode = mode;
    snprintf(s->run.id, sizeof s->run.id, "plan");
    rc = run_load(&s->run, err);
    if (!rc)
        rc = run_inputs(&s->run, q->inputs, q->input_count, err);
    if (!rc)
        rc = run_check_uses(&s->run, err);
    fill_context(s);
    return rc;
}

int session_lock(struct session *s, const char *run, int64_t patience,
                 struct error *err)
{
    return lock_take(value_text(s->run.header, "service", ""),
                     s->environment.name, run, patience, &s->lock, err);
}

int session_plan(struct session *s, struct error *err)
{
    return plan_make(&s->run, &s->plan, err);
}

/* -- a new run ---------------------------------------------------------- */

static json_t *started_record(const struct session *s)
{
    const struct run *r = &s->run;
    json_t *rec = program_describe(&s->program);
    json_object_set_new(rec, "format", json_integer(JOURNAL_FORMAT));
    json_object_set_new(rec, "engine", json_string(RBRUN_VERSION));
    json_object_set_new(rec, "lua", json_string(lua_build));
    json_object_set_new(rec, "run", json_string(r->id));
    json_object_set_new(rec, "by", json_string(s->by));
    json_object_set_new(rec, "seed", json_integer(r->seed));
    json_object_set(rec, "header", r->header);
    json_object_set(rec, "inputs", r->input);
    json_object_set(rec, "jail", r->jail ? r->jail : json_null());
    json_object_set_new(
        rec, "environment",
        json_pack("{s:s, s:s, s:s, s:O}", "name", s->environment.name, "file",
                  s->environment.file, "sha256", s->environment.digest, "table",
                  s->environment.table));
    return rec;
}

static int first_records(struct session *s, const char *how, struct error *err)
{
    json_t *started = started_record(s), *approval;
    int rc = journal_append(&s->journal, RECORD_STARTED, started, err);
    json_decref(started);
    if (rc)
        return rc;
    approval = json_pack("{s:s, s:s, s:s, s:O}", "by", s->by, "how", how,
                         "plan", s->plan.id, "foreseen", s->plan.foreseen);
    rc = journal_append(&s->journal, RECORD_APPROVAL, approval, err);
    json_decref(approval);
    return rc;
}

static void renew_run(struct session *s, enum run_mode mode)
{
    struct run old = s->run;
    memset(&s->run, 0, sizeof s->run);
    s->run.worker.fd = -1;
    s->run.mode = mode;
    s->run.observer = s->observer;
    s->run.program = old.program;
    s->run.environment = old.environment;
    s->run.secrets = old.secrets;
    s->run.context.environment = old.environment;
    s->run.context.secrets = old.secrets;
    s->run.seed = old.seed;
    s->run.require_jail = old.require_jail;
    s->run.header = json_incref(old.header);
    s->run.input = json_incref(old.input);
    old.plan = NULL;
    run_free(&old);
}

/* The worker loads while the disk writes. Nothing of the run is acted on
   before all of it is durable: the first record of an effect sees to the
   journal (answer.c). */
int session_begin(struct session *s, const char *how, struct error *err)
{
    struct run *r = &s->run;
    int rc;
    renew_run(s, MODE_LIVE);
    rc = run_start(r, err);
    if (!rc)
        rc = place_new_run(r->id, r->directory, sizeof r->directory, err);
    if (!rc)
        rc = program_store(&s->program, r->directory, err);
    if (!rc)
        rc = journal_create(&s->journal, r->directory, err);
    r->journal = rc ? NULL : &s->journal;
    if (!rc)
        rc = first_records(s, how, err);
    if (!rc)
        rc = lock_name(s->lock, r->id, err);
    if (rc)
        return rc;
    r->foreseen = s->plan.foreseen;
    rc = run_started(r, err);
    if (rc)
        run_not_loaded(r, err);
    fill_context(s);
    return rc;
}

/* -- a run that exists -------------------------------------------------- */

/* The same place, described anew: its name is what the lock is on. */
static int other_environment(struct session *s, const json_t *started,
                             const char *wanted, struct error *err)
{
    const json_t *book = json_object_get(started, "runbook");
    const char *name =
        value_text(json_object_get(started, "environment"), "name", "");
    struct program from = {0};
    char file[PLACE_PATH];
    int rc;
    snprintf(from.root, sizeof from.root, "%s", value_text(book, "root", ""));
    rc = session_find_environment(&from, wanted, file, sizeof file, err);
    if (!rc)
        rc = session_environment(s, file, err);
    if (rc || strcmp(s->environment.name, name) == 0)
        return rc;
    error_set(err, RB_DENIED,
              "run %s is one of environment %s, and %s describes %s", s->run.id,
              name, file, s->environment.name);
    error_next(err, "rbrun resume %s   (with the environment as recorded)",
               s->run.id);
    return RB_DENIED;
}

static int take_started(struct session *s, const json_t *started,
                        const char *environment, struct error *err)
{
    const json_t *e = json_object_get(started, "environment");
    int rc;
    s->run.seed = value_int(started, "seed", 0);
    s->run.input = json_incref(json_object_get(started, "inputs"));
    s->run.header = json_incref(json_object_get(started, "header"));
    snprintf(s->run.id, sizeof s->run.id, "%s", value_text(started, "run", ""));
    if (environment)
        return other_environment(s, started, environment, err);
    rc = environment_take(&s->environment, value_text(e, "file", ""),
                          json_object_get(e, "table"), err);
    return rc;
}

static const json_t *approved(struct session *s)
{
    struct error ignored;
    const json_t *found = NULL;
    for (size_t i = 0; i < s->tape.count; i++) {
        if (s->tape.records[i].kind == RECORD_APPROVAL) {
            const json_t *v = record_value(&s->tape.records[i], &ignored);
            if (json_object_get(v, "foreseen"))
                found = json_object_get(v, "foreseen");
        }
    }
    return found;
}

/* The limits that the last process of a run had: a replay has to reach the
   same ones. A resume has those of its environment. */
static void recorded_limits(struct session *s)
{
    struct error ignored;
    for (size_t i = 0; i < s->tape.count; i++) {
        const json_t *v = s->tape.records[i].kind == RECORD_NOTE
                              ? record_value(&s->tape.records[i], &ignored)
                              : NULL;
        if (json_object_get(v, "limits"))
            limits_read(json_object_get(v, "limits"), &s->environment.limits,
                        &ignored);
    }
}

/* The note that says so is appended when there is more to append: a program
   that turns out to be another one leaves the journal as it was. */
static int resume_journal(struct session *s, const char *program,
                          int other_limits, struct error *err)
{
    struct run *r = &s->run;
    int rc = journal_continue(&s->journal, r->directory, &s->tape, err);
    if (rc)
        return rc;
    r->edited = program != NULL;
    r->resumed = json_pack("{s:s, s:s, s:s}", "by", s->by, "engine",
                           RBRUN_VERSION, "lua", lua_build);
    if (other_limits)
        json_object_set_new(r->resumed, "limits",
                            limits_document(&s->environment.limits));
    if (program)
        json_object_set_new(r->resumed, "program",
                            program_describe(&s->program));
    r->journal = &s->journal; /* it is untouched while `resumed` is there */
    return 0;
}

static int read_programs(struct session *s, const char *edited,
                         struct error *err)
{
    struct error ignored;
    const json_t *from = record_value(&s->tape.records[0], err);
    const char *name = value_text(json_object_get(from, "runbook"), "name", "");
    int rc;
    if (edited) {
        rc = program_read(&s->program, edited, err);
        snprintf(s->program.granted, sizeof s->program.granted, "%s", name);
        return rc;
    }
    /* A run that was once continued with edited source goes on with that. */
    for (size_t i = 0; i < s->tape.count; i++) {
        const json_t *v;
        if (s->tape.records[i].kind != RECORD_NOTE)
            continue;
        v = record_value(&s->tape.records[i], &ignored);
        if (json_object_get(v, "program")) {
            from = json_object_get(v, "program");
            s->run.loose = 1;
        }
    }
    rc = program_load(&s->program, s->run.directory, from, err);
    snprintf(s->program.granted, sizeof s->program.granted, "%s", name);
    return rc;
}

int session_lock_run(struct session *s, int64_t patience, struct error *err)
{
    struct tape now;
    int rc = session_lock(s, s->run.id, patience, err);
    if (rc)
        return rc;
    /* Somebody may have appended between our reading and the lock. */
    rc = tape_load(&now, s->run.directory, err);
    if (rc)
        return rc;
    tape_free(&s->tape);
    s->tape = now;
    return 0;
}

static int take_over(struct session *s, struct error *err)
{
    struct run_state st;
    int rc = session_lock_run(s, 0, err);
    if (rc || !s->tape.sealed)
        return rc;
    session_state(s, &st);
    error_set(err, RB_INVALID,
              "run %s has ended (exit %d: %s); there is nothing to resume",
              s->run.id, st.exit, exit_meaning(st.exit));
    error_next(err, "rbrun show %s", s->run.id);
    return RB_INVALID;
}

static int same_service(const struct run *r, const json_t *header,
                        struct error *err)
{
    const char *was = value_text(header, "service", "");
    const char *is = value_text(r->header, "service", "");
    if (strcmp(was, is) == 0)
        return 0;
    error_set(err, RB_DENIED,
              "run %s holds the lock of service %s, and the edited program is "
              "of service %s",
              r->id, was, is);
    error_next(err, "keep service = \"%s\"", was);
    return RB_DENIED;
}

/* A new environment that takes a grant away, or a new program that needs more,
   is heard of while it can still be mended: a call without one would end the
   run. */
static int load_again(struct session *s, int renewed, struct error *err)
{
    struct run *r = &s->run;
    json_t *input = json_incref(r->input), *header = json_incref(r->header);
    int rc = run_load(r, err);
    json_decref(r->input);
    r->input = input;
    if (!rc)
        rc = same_service(r, header, err);
    if (!rc && r->mode == MODE_LIVE && renewed)
        rc = run_check_uses(r, err);
    json_decref(header);
    return rc;
}

int session_reopen(struct session *s, const char *name, enum run_mode mode,
                   const char *program, const char *environment,
                   struct error *err)
{
    struct run *r = &s->run;
    const json_t *started;
    char id[RUN_ID];
    int rc = place_find_run(name, id, r->directory, sizeof r->directory, err);
    if (!rc)
        rc = tape_load(&s->tape, r->directory, err);
    if (rc) {
        error_prefix(err, "run %s: ", rc == RB_NOTFOUND ? name : id);
        if (rc == RB_CORRUPT && !err->next[0])
            error_next(err, "keep %s as it is, and find out who wrote to it",
                       r->directory);
        return rc;
    }
    started = record_value(&s->tape.records[0], err);
    rc = started ? take_started(s, started, environment, err) : RB_CORRUPT;
    if (rc || mode == MODE_CHECK)
        return rc;
    r->mode = mode;
    r->tape = &s->tape;
    r->loose = program != NULL;
    rc = mode == MODE_LIVE ? take_over(s, err) : 0;
    if (!rc)
        rc = read_programs(s, program, err);
    if (rc == RB_CORRUPT)
        error_next(err, "keep %.300s as it is; rbrun verify %s", r->directory,
                   r->id);
    if (rc)
        return rc;
    if (mode == MODE_REPLAY)
        recorded_limits(s);
    r->foreseen = approved(s);
    rc = load_again(s, program || environment, err);
    if (!rc && mode == MODE_LIVE)
        rc = resume_journal(s, program, environment != NULL, err);
    fill_context(s);
    return rc;
}
