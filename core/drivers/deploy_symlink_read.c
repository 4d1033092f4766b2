#define _GNU_SOURCE
#include "deploy_symlink.h"
#include "../wire/heap.h"
#include "http_client.h"
#include "release_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADROOM 500     /* ms before the engine's own limit */
#define ASK_TIMEOUT 3000 /* ms for one question to an instance */
#define ASK_BYTES 65536
#define MAX_RELEASES 10000
#define NEAR 3 /* names told when none fits */

static int take_instance(struct symlink_target *t, const json_t *row)
{
    struct symlink_instance *i = &t->instances[t->count];
    const char *link = value_text(row, "current", NULL);
    int n;
    i->name = value_text(row, "name", NULL);
    i->health = value_text(row, "health", NULL);
    i->version = value_text(row, "version", NULL);
    i->restart = json_object_get(row, "restart");
    i->healthy = -1;
    if (!i->name || !link)
        return -1;
    n = link[0] == '/'
            ? snprintf(i->link, sizeof i->link, "%s", link)
            : snprintf(i->link, sizeof i->link, "%s/%s", t->c->root, link);
    t->count++;
    return n < (int)sizeof i->link ? 0 : -1;
}

int symlink_open(struct symlink_target *t, const struct driver_call *c,
                 struct driver_answer *a)
{
    char releases[PATH_MAX];
    json_t *row;
    size_t at;
    memset(t, 0, sizeof *t);
    t->c = c;
    t->deadline = clock_steady() - HEADROOM +
                  (c->timeout > 0 ? c->timeout : INT64_C(86400000));
    if (option_path(c, "releases", releases, sizeof releases) != 0 ||
        !realpath(releases, t->releases)) {
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "deploy %s: the releases folder %s: %s", c->system,
                    option_text(c, "releases", ""), strerror(errno));
        return -1;
    }
    json_array_foreach(json_object_get(c->binding, "instances"), at, row)
    {
        if (at < SYMLINK_INSTANCES && take_instance(t, row) == 0)
            continue;
        answer_fail(a, OUTCOME_REJECTED,
                    "deploy %s: instance %zu of the environment needs a name "
                    "and a current, and there may be %d",
                    c->system, at + 1, SYMLINK_INSTANCES);
        return -1;
    }
    return 0;
}

/* First line of REVISION, "" when there is none. */
static void read_revision(struct symlink_release *r)
{
    char path[PATH_MAX + 16];
    ssize_t n;
    int fd;
    r->commit[0] = '\0';
    snprintf(path, sizeof path, "%s/REVISION", r->path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    n = read(fd, r->commit, sizeof r->commit - 1);
    close(fd);
    r->commit[n > 0 ? n : 0] = '\0';
    r->commit[strcspn(r->commit, " \t\r\n")] = '\0';
}

static int is_directory(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Fill a release from its name. 0, or -1 when it is no directory. */
static int fill(const struct symlink_target *t, const char *name,
                struct symlink_release *r)
{
    if (!release_is_name(name) ||
        snprintf(r->path, sizeof r->path, "%s/%s", t->releases, name) >=
            (int)sizeof r->path ||
        !is_directory(r->path))
        return -1;
    snprintf(r->name, sizeof r->name, "%s", name);
    read_revision(r);
    return 0;
}

void symlink_look(const struct symlink_target *t, struct symlink_instance *i)
{
    char path[PATH_MAX], *slash;
    struct stat s;
    i->live.name[0] = i->live.commit[0] = i->why[0] = '\0';
    if (lstat(i->link, &s) != 0) {
        snprintf(i->why, sizeof i->why, "has no link: %s", strerror(errno));
        return;
    }
    if (!S_ISLNK(s.st_mode)) {
        snprintf(i->why, sizeof i->why,
                 "has a current that is no symbolic link");
        return;
    }
    i->since = (int64_t)s.st_mtime;
    slash = realpath(i->link, path) ? strrchr(path, '/') : NULL;
    if (!slash) {
        snprintf(i->why, sizeof i->why, "has a link that leads nowhere: %s",
                 strerror(errno));
        return;
    }
    *slash = '\0';
    if (strcmp(path, t->releases) != 0 || fill(t, slash + 1, &i->live) != 0)
        snprintf(i->why, sizeof i->why,
                 "has a link that leads out of the releases, to %.200s/%.100s",
                 path, slash + 1);
}

/* GET url. Returns the HTTP status, or 0 with why filled. */
static long get(const struct symlink_target *t, const char *url,
                struct buf *body, char *why, size_t size)
{
    struct http_request q = {.url = url, .max_body = ASK_BYTES, .cut = 1};
    struct http_answer answer;
    struct error err = {0};
    int64_t left = t->deadline - clock_steady();
    long status = 0;
    q.timeout = left < ASK_TIMEOUT ? left : ASK_TIMEOUT;
    if (q.timeout < 1)
        q.timeout = 1;
    if (http_request(&q, &answer, &err) == 0)
        status = answer.status;
    else
        snprintf(why, size, "%.*s", (int)size - 1, err.message);
    *body = answer.body;
    return status;
}

/* A version address answers with a JSON object that has a "version", or
   with the version as a line of text. */
static void read_version(const struct buf *body, char *out, size_t size)
{
    const char *text = buf_text(body);
    json_t *object = NULL;
    text += strspn(text, " \t\r\n");
    if (*text == '{' && value_decode(text, strlen(text), &object, NULL) == 0)
        snprintf(out, size, "%s", value_text(object, "version", ""));
    else if (*text != '{')
        snprintf(out, size, "%.*s", (int)strcspn(text, "\r\n"), text);
    json_decref(object);
}

static void ask_version(const struct symlink_target *t,
                        struct symlink_instance *i)
{
    struct buf body = BUF_INIT(0);
    long status = get(t, i->version, &body, i->why, sizeof i->why);
    if (status == 200)
        read_version(&body, i->running, sizeof i->running);
    else if (status)
        snprintf(i->why, sizeof i->why,
                 "answers %ld where its version is asked", status);
    if (status == 200 && !symlink_runs(i))
        snprintf(i->why, sizeof i->why, "still runs %.100s",
                 i->running[0] ? i->running : "an unnamed version");
    i->healthy = status == 200 && symlink_runs(i);
    buf_free(&body);
}

void symlink_ask(const struct symlink_target *t, struct symlink_instance *i)
{
    i->running[0] = '\0';
    i->healthy = -1;
    if (i->version)
        ask_version(t, i);
    if (i->health && i->healthy != 0) {
        struct buf body = BUF_INIT(0);
        long status = get(t, i->health, &body, i->why, sizeof i->why);
        if (status && status != 200)
            snprintf(i->why, sizeof i->why,
                     "answers %ld where its health is asked", status);
        i->healthy = status == 200;
        buf_free(&body);
    }
}

int symlink_runs(const struct symlink_instance *i)
{
    return i->running[0] && i->live.name[0] &&
           release_matches(i->running, i->live.name, i->live.commit);
}

/* The names nearest to the asked one, nearest first. */
struct near {
    char names[NEAR][SYMLINK_NAME];
    unsigned distance[NEAR];
    size_t count;
};

static void consider(struct near *n, const char *asked, const char *name)
{
    unsigned distance = release_distance(asked, name);
    size_t at = n->count;
    if (at == NEAR && distance >= n->distance[NEAR - 1])
        return;
    if (at < NEAR)
        n->count++;
    else
        at--;
    for (; at > 0 && n->distance[at - 1] > distance; at--) {
        n->distance[at] = n->distance[at - 1];
        memcpy(n->names[at], n->names[at - 1], sizeof n->names[at]);
    }
    n->distance[at] = distance;
    snprintf(n->names[at], sizeof n->names[at], "%s", name);
}

/* Look at every release. Returns how many match, out is the first;
   names lists the matching ones. */
static size_t scan(const struct symlink_target *t, const char *asked,
                   struct symlink_release *out, struct near *near,
                   struct buf *names)
{
    DIR *d = opendir(t->releases);
    struct dirent *e;
    struct symlink_release r;
    size_t found = 0, seen = 0;
    if (!d && errno == ENOMEM)
        heap_end();
    while (d && (e = readdir(d)) && seen < MAX_RELEASES) {
        if (e->d_name[0] == '.' || fill(t, e->d_name, &r) != 0)
            continue;
        seen++;
        consider(near, asked, r.name);
        if (!release_matches(asked, r.name, r.commit))
            continue;
        if (found++ == 0)
            *out = r;
        buf_addf(names, "%s%s", names->size ? ", " : "", r.name);
    }
    if (d)
        closedir(d);
    return found;
}

static int not_found(const struct symlink_target *t, const char *asked,
                     size_t found, const struct near *near,
                     const struct buf *names, struct driver_answer *a)
{
    char list[NEAR * (SYMLINK_NAME + 2) + 1] = "";
    if (found > 1) {
        answer_fail(a, OUTCOME_NOT_FOUND,
                    "deploy %s: \"%s\" means several releases: %.800s",
                    t->c->system, asked, buf_text(names));
        return -1;
    }
    for (size_t i = 0; i < near->count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                 near->names[i]);
    }
    answer_fail(a, OUTCOME_NOT_FOUND,
                "deploy %s: there is no release \"%s\" in %.300s (near: "
                "%.600s)",
                t->c->system, asked, t->releases, list[0] ? list : "none");
    return -1;
}

/* REVISION is written last, so without it the copy is still on its way, or
   was cut off. */
static int complete(const struct symlink_target *t,
                    const struct symlink_release *r, struct driver_answer *a)
{
    if (access(r->path, R_OK | X_OK) != 0) {
        answer_fail(a, OUTCOME_REJECTED, "deploy %s: release %s: %s",
                    t->c->system, r->name, strerror(errno));
        return -1;
    }
    if (!r->commit[0]) {
        answer_fail(a, OUTCOME_REJECTED,
                    "deploy %s: release %s is not complete: it has no "
                    "REVISION file with a commit in it",
                    t->c->system, r->name);
        return -1;
    }
    return 0;
}

int symlink_find(const struct symlink_target *t, const char *asked,
                 struct symlink_release *out, struct driver_answer *a)
{
    struct near near = {0};
    struct buf names = BUF_INIT(1u << 20);
    size_t found = 1;
    int rc = -1;
    if (!asked[0] || asked[0] == '.' || strchr(asked, '/')) {
        answer_fail(a, OUTCOME_REJECTED,
                    "deploy %s: \"%s\" is not the name of a release",
                    t->c->system, asked);
        return -1;
    }
    if (fill(t, asked, out) != 0)
        found = scan(t, asked, out, &near, &names);
    rc = found == 1 ? complete(t, out, a)
                    : not_found(t, asked, found, &near, &names, a);
    buf_free(&names);
    return rc;
}

void symlink_tell(const struct symlink_target *t, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t n = 0; n < t->count && used < size; n++) {
        const struct symlink_instance *i = &t->instances[n];
        used += (size_t)snprintf(out + used, size - used, "%s%s points at %s",
                                 n ? ", " : "", i->name,
                                 i->live.name[0] ? i->live.name : "no release");
        if (i->why[0] && used < size)
            used += (size_t)snprintf(out + used, size - used, " (%s)", i->why);
    }
}
