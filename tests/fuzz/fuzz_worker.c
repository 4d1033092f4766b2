/*
 * A worker as the engine sees it: frames in any order, in the engine's own
 * loop, with a journal, and with drivers that only remember. Whatever it
 * says: only what the environment grants is answered with more than a
 * refusal, no secret gets to it or into the journal, the journal is whole,
 * and a run that ended well replays to the same end.
 * Input: a first byte (bits 0 and 1: 1 for the socket's bytes as they are, 2
 * for one that speaks without being asked; bit 2: resumed instead of replayed;
 * the rest: records that are lost before), then lines: a letter of a frame's
 * type (small: the burst goes on behind it), the document in any JSON.
 */
#include "fuzz.h"
#include "../../core/engine/run.h"
#include "../../core/store/io.h"
#include "../../core/store/journal.h"
#include "../../core/wire/clock_source.h"
#include "../../core/wire/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECRET "kee1Zo0y"
#define FRAMES_MAX (1u << 20)
#define IDLE_MAX 4

static const char lab[] =
    "{\"name\":\"lab\",\"metric\":{\"m\":{\"driver\":\"memory\",\"values\":"
    "{\"up\":1}}},\"flag\":{\"f\":{\"driver\":\"memory\"}},\"deploy\":{\"api\":"
    "{\"driver\":\"memory\",\"note\":\"env:RBRUN_FUZZ\"}},\"notify\":{\"n\":"
    "{\"driver\":\"memory\"}},\"grants\":{\"api.lua\":[\"metric.* m\","
    "\"clock.*\",\"wait.*\",\"deploy.* api\",\"flag.get f\",\"notify.* n\","
    "\"secret.*\"]}}";
static const char uses[] =
    "{\"service\":\"web\",\"summary\":\"s\",\"uses\":[\"metric.*\","
    "\"clock.*\",\"wait.*\",\"deploy.*\",\"notify.*\",\"flag.*\","
    "\"secret.check\"]}";

/* -- the world ------------------------------------------------------------- */

static int journal_file = -1;
static int64_t now_ms;

static int open_in_memory(const char *path, int flags, mode_t mode)
{
    int fd;
    (void)mode;
    if (!strstr(path, "journal.ndjson"))
        return flags & O_CREAT || flags & O_DIRECTORY
                   ? memfd_create("fuzz", MFD_CLOEXEC)
                   : (errno = ENOENT, -1);
    fd = dup(journal_file);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int fine_fd(int fd)
{
    (void)fd;
    return 0;
}

static int fine_allocate(int fd, off_t offset, off_t size)
{
    (void)fd, (void)offset, (void)size;
    return 0;
}

static int fine_rename(const char *from, const char *to)
{
    (void)from, (void)to;
    return 0;
}

static int fine_mkdir(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return 0;
}

static int fine_unlink(const char *path)
{
    (void)path;
    return 0;
}

static ssize_t same_random(void *bytes, size_t size)
{
    memset(bytes, 7, size);
    return (ssize_t)size;
}

static void no_moment(const char *name)
{
    (void)name;
}

static int64_t tell_time(void)
{
    return now_ms;
}

/* -- the worker ------------------------------------------------------------ */

static struct buf given;
static size_t taken; /* of given */
static int peer, rude, idle_rounds;

static void holds_no_secret(const char *bytes, size_t size)
{
    CHECK(!size || !memmem(bytes, size, SECRET, strlen(SECRET)));
}

/* Bytes that the engine has sent since the last time. */
static size_t hear(void)
{
    static char bytes[65536];
    size_t all = 0;
    ssize_t got;
    while ((got = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        holds_no_secret(bytes, (size_t)got);
        all += (size_t)got;
    }
    return all;
}

/* The next burst, or what there is when it is none. */
static void speak(void)
{
    const char *at = buf_text(&given) + taken;
    size_t left = given.size - taken, size = 0;
    while (size < left) {
        uint32_t document, body;
        if (left - size < FRAME_HEADER) {
            size = left;
            break;
        }
        memcpy(&document, at + size, 4);
        memcpy(&body, at + size + 4, 4);
        if (left - size - FRAME_HEADER < (size_t)document + body) {
            size = left;
            break;
        }
        size += FRAME_HEADER + (size_t)document + body;
        if (at[size - document - body - FRAME_HEADER + 9] & FRAME_BLOCKED)
            break;
    }
    size = size < 60000 ? size : 60000;
    if (size)
        CHECK(send(peer, at, size, MSG_NOSIGNAL | MSG_DONTWAIT) != 0);
    else
        shutdown(peer, SHUT_WR);
    taken += size;
}

/* Time passes while nobody has anything to say; then the worker speaks. */
static int wait_instead(struct pollfd *fds, nfds_t count, int64_t ms, int idle,
                        const sigset_t *mask)
{
    (void)mask;
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    if (!hear() && !rude && idle && ++idle_rounds < IDLE_MAX) {
        now_ms += ms > 0 ? ms : 1;
        return 0;
    }
    now_ms++;
    idle_rounds = 0;
    if (fds[0].fd < 0) {
        now_ms += 1000;
        return 0;
    }
    speak();
    fds[0].revents = POLLIN;
    return 1;
}

/* -- a run ----------------------------------------------------------------- */

static struct environment environment; /* read only, like the next two */
static json_t *header;
static struct program program = {.name = "api.lua"};

struct stage {
    struct secrets secrets;
    struct observer observer;
    struct run run;
    struct journal journal;
    struct tape tape;
};

static void on_event(void *data, const char *kind, const json_t *fields)
{
    const json_t *answer = json_object_get(fields, "answer");
    const char *verb =
        value_text(json_object_get(fields, "request"), "verb", "");
    (void)data;
    if (strcmp(kind, "answer") == 0 && json_object_get(answer, "ok"))
        CHECK(
            strncmp(verb, "metric.", 7) == 0 ||
            strncmp(verb, "deploy.", 7) == 0 ||
            strncmp(verb, "notify.", 7) == 0 ||
            strncmp(verb, "wait.", 5) == 0 || strcmp(verb, "clock.now") == 0 ||
            strcmp(verb, "secret.check") == 0 || strcmp(verb, "flag.get") == 0);
}

static json_t *json_of(const char *text)
{
    struct error err = {0};
    json_t *value = NULL;
    CHECK(value_decode(text, strlen(text), &value, &err) == 0);
    return value;
}

static void set_stage(struct stage *s, enum run_mode mode)
{
    int pair[2];
    memset(s, 0, sizeof *s);
    s->observer.event = on_event;
    s->secrets.root = "/e";
    s->run.mode = mode;
    s->run.observer = &s->observer;
    s->run.program = &program;
    s->run.environment = &environment;
    s->run.secrets = &s->secrets;
    s->run.header = json_incref(header);
    s->run.input = json_object();
    snprintf(s->run.id, sizeof s->run.id, "20260101-AAAA");
    snprintf(s->run.directory, sizeof s->run.directory, "/d");
    s->run.context.run = s->run.id;
    s->run.context.service = "web";
    s->run.context.environment = &environment;
    s->run.context.secrets = &s->secrets;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    s->run.worker.fd = pair[0];
    s->run.worker.in.max = s->run.worker.out.max = 80u << 20;
    s->run.worker.what = "the runbook";
    s->run.worker.limits = environment.limits;
    peer = pair[1];
    taken = 0;
    idle_rounds = 0;
    now_ms = 1000000;
}

static void clear_stage(struct stage *s)
{
    hear();
    close(peer);
    run_free(&s->run);
    secrets_free(&s->secrets);
}

static void start_journal(struct stage *s)
{
    struct error err = {0};
    json_t *started = json_of("{\"engine\":\"fuzz\",\"format\":1}");
    CHECK(ftruncate(journal_file, 0) == 0);
    CHECK(journal_create(&s->journal, "/d", &err) == 0);
    CHECK(journal_append(&s->journal, RECORD_STARTED, started, &err) == 0);
    json_decref(started);
    s->run.journal = &s->journal;
}

static int run_live(int *fine)
{
    struct stage s;
    struct error err = {0};
    int status;
    set_stage(&s, MODE_LIVE);
    start_journal(&s);
    run_execute(&s.run);
    CHECK(s.run.over == 1);
    status = s.run.status;
    *fine = s.run.done && !s.run.broken && !s.run.parked;
    journal_close(&s.journal);
    CHECK(tape_load(&s.tape, "/d", &err) == 0);
    CHECK(s.tape.records[s.tape.count - 1].kind == RECORD_ENDED ||
          s.run.parked || !s.run.sealed);
    holds_no_secret(s.tape.text.data, s.tape.text.size);
    tape_free(&s.tape);
    clear_stage(&s);
    return status;
}

/* Leave so many records out at the end; the first stays. */
static void cut_journal(size_t records)
{
    struct tape t;
    struct error err = {0};
    size_t left;
    CHECK(tape_load(&t, "/d", &err) == 0);
    left = records < t.count ? t.count - records : 1;
    if (left < t.count)
        CHECK(ftruncate(journal_file, t.records[left].text - t.text.data) == 0);
    tape_free(&t);
}

/* The same frames against what was recorded of them. fine: they lead to the
   same end. */
static void replay(int fine, int status)
{
    struct stage s;
    struct error err = {0};
    set_stage(&s, MODE_REPLAY);
    CHECK(tape_load(&s.tape, "/d", &err) == 0);
    s.run.tape = &s.tape;
    run_execute(&s.run);
    CHECK(s.run.over == 1);
    CHECK(!fine || s.run.status == status);
    tape_free(&s.tape);
    clear_stage(&s);
}

/* The engine was killed, and is asked to go on. */
static void resume(void)
{
    struct stage s;
    struct tape t;
    struct error err = {0};
    set_stage(&s, MODE_LIVE);
    CHECK(tape_load(&s.tape, "/d", &err) == 0);
    s.run.tape = &s.tape;
    CHECK(journal_continue(&s.journal, "/d", &s.tape, &err) == 0);
    s.run.journal = &s.journal;
    s.run.resumed = json_of("{\"by\":\"fuzz\"}");
    run_execute(&s.run);
    CHECK(s.run.over == 1);
    journal_close(&s.journal);
    CHECK(tape_load(&t, "/d", &err) == 0 && t.count >= s.tape.count);
    holds_no_secret(t.text.data, t.text.size);
    tape_free(&t);
    tape_free(&s.tape);
    clear_stage(&s);
}

static void once_more(unsigned how, int fine, int status)
{
    unsigned cut = how >> 3;
    int resumes = how >> 2 & 1;
    cut_journal(resumes && !cut ? 1 : cut);
    if (resumes)
        resume();
    else
        replay(fine && !cut, status);
}

/* -- the input ------------------------------------------------------------- */

static void put_line(const char *line, size_t size)
{
    static const enum frame_type types[] = {
        ['C'] = FRAME_CALL, ['E'] = FRAME_EVENT,  ['X'] = FRAME_CANCEL,
        ['D'] = FRAME_DONE, ['W'] = FRAME_WAIT,   ['L'] = FRAME_LOADED,
        ['F'] = FRAME_FAIL, ['M'] = FRAME_MODULE, ['R'] = FRAME_RESULT};
    static uint32_t calls;
    unsigned char c = size ? (unsigned char)line[0] : 0, up = c & 0xdf;
    json_t *value = NULL;
    struct error err = {0};
    if (!given.size)
        calls = 0;
    if (up >= sizeof types / sizeof *types || !types[up] ||
        (size > 1 && value_decode(line + 1, size - 1, &value, &err)))
        return;
    if (!value)
        value = json_object();
    calls += up == 'C';
    frame_write(&given, types[up], c == up ? FRAME_BLOCKED : 0,
                up == 'C' ? calls : 0, value, NULL, 0);
    json_decref(value);
}

static void put_lines(struct input *in)
{
    while (in->left) {
        const uint8_t *end = memchr(in->at, '\n', in->left);
        size_t size = end ? (size_t)(end - in->at) : in->left;
        put_line((const char *)in->at, size);
        in->at += size;
        in->left -= size;
        input_byte(in);
    }
}

static void set_world(void)
{
    static struct io files;
    static struct clock_source clock;
    struct error err = {0};
    json_t *table;
    if (journal_file >= 0)
        return;
    journal_file = memfd_create("journal", MFD_CLOEXEC);
    CHECK(fcntl(journal_file, F_SETFL, O_APPEND) == 0);
    files = io_system;
    files.open = open_in_memory;
    files.datasync = files.sync = fine_fd;
    files.allocate = fine_allocate;
    files.rename = fine_rename;
    files.mkdir = fine_mkdir;
    files.unlink = fine_unlink;
    files.random = same_random;
    files.moment = no_moment;
    io = &files;
    clock = clock_system;
    clock.wall = clock.steady = tell_time;
    clock.wait = wait_instead;
    clock_source = &clock;
    setenv("RBRUN_FUZZ", SECRET, 1);
    table = json_of(lab);
    CHECK(environment_take(&environment, "/e/lab.lua", table, &err) == 0);
    json_decref(table);
    header = json_of(uses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = input_byte(&in);
    int fine, status;
    set_world();
    given.max = FRAMES_MAX;
    given.size = 0;
    rude = (how & 3) == 2;
    if ((how & 3) == 1)
        buf_add(&given, in.at, in.left);
    else
        put_lines(&in);
    /* One that knows it already has it from libFuzzer. */
    if (memmem(buf_text(&given), given.size, SECRET, strlen(SECRET)))
        return 0;
    status = run_live(&fine);
    once_more(how, fine, status);
    return 0;
}
