/* Directories with a list of their own: Drizzle's journal, Sqitch's plan,
   Liquibase's changelogs. */
#define _GNU_SOURCE
#include "migrate_layout_parts.h"
#include "../wire/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "x/meta/_journal.json" and "0001_a.sql" make "x/0001_a.sql". */
static char *beside(const char *list, int back, const char *folder,
                    const char *name, const char *end)
{
    const char *at = list + strlen(list);
    for (int i = 0; i < back; i++) {
        while (at > list && at[-1] != '/')
            at--;
        if (i + 1 < back && at > list)
            at--;
    }
    return heap_textf("%.*s%s%s%s", (int)(at - list), list, folder, name, end);
}

static json_t *path_set(const struct layout_dir *dir)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(dir->files); i++)
        json_object_set_new(set, layout_path(dir, i), json_integer((int)i));
    return set;
}

static void drizzle_entry(const json_t *entry, const char *journal,
                          const json_t *paths, struct migrate_layout *out)
{
    const char *tag = value_text(entry, "tag", "");
    char *path = beside(journal, 2, "", tag, ".sql"), version[24];
    json_t *file;
    snprintf(version, sizeof version, "%lld",
             (long long)value_int(entry, "when", 0));
    if (json_object_get(paths, path)) {
        file = layout_entry(path, NULL, version, "plain");
        json_object_set_new(file, "name", json_string(tag));
        json_array_append_new(out->files, file);
    } else {
        layout_problem(out, "file_missing", path,
                       "the journal names %s, and there is no such file", path);
    }
    free(path);
}

int layout_drizzle(const struct layout_dir *dir, struct migrate_layout *out,
                   struct error *err)
{
    json_t *text = NULL, *journal = NULL, *paths, *entry;
    const char *name;
    size_t at, i;
    if (layout_find(dir, "meta/_journal.json", &at) != 0)
        return error_set(err, RB_NOTFOUND,
                         "Drizzle's meta/_journal.json is not there: it holds "
                         "the order");
    name = layout_path(dir, at);
    text = layout_text(dir, at);
    if (text)
        journal = json_loadb(json_string_value(text), json_string_length(text),
                             0, NULL);
    json_decref(text);
    if (!json_is_array(json_object_get(journal, "entries"))) {
        json_decref(journal);
        return error_set(err, RB_INVALID, "%s is no journal of Drizzle", name);
    }
    paths = path_set(dir);
    json_array_foreach(json_object_get(journal, "entries"), i, entry)
        drizzle_entry(entry, name, paths, out);
    json_decref(paths);
    json_decref(journal);
    return 0;
}

/* "users [dep] 2026-11-21T04:37:31Z T <t@x> # note": the first word. Lines of
   tags (@v1), pragmas (%..) and comments are none; '+' may stand before. */
static int plan_word(const char *line, size_t n, char *word, size_t size)
{
    size_t k;
    while (n && (*line == ' ' || *line == '\t' || *line == '+'))
        line++, n--;
    if (!n || strchr("#%@-", *line))
        return n && *line == '@' ? 1 : RB_NOTFOUND;
    for (k = 0; k < n && k + 1 < size && line[k] != ' ' && line[k] != '\t'; k++)
        word[k] = line[k];
    word[k] = '\0';
    return k ? 0 : RB_NOTFOUND;
}

/* A change of a name that comes again was reworked: the scripts of the
   earlier one bear the tag that came after it: users@v1.sql. */
struct plan {
    json_t *changes; /* {"name", "file"}; owned */
    json_t *latest;  /* name -> index of the last of it; owned */
};

static void plan_tag(struct plan *p, const char *line, size_t n)
{
    const char *tag = memchr(line, '@', n);
    size_t size = n - (size_t)(tag - line);
    json_t *one;
    size_t i, k;
    for (k = 0; k < size && tag[k] != ' ' && tag[k] != '\t' && tag[k] != '\r';
         k++)
        ;
    json_array_foreach(p->changes, i, one) if (!json_object_get(one, "tag"))
        json_object_set_new(one, "tag", json_stringn(tag, k));
}

static void plan_change(struct plan *p, const char *name)
{
    json_t *before = json_object_get(p->latest, name);
    if (before) {
        json_t *old =
            json_array_get(p->changes, (size_t)json_integer_value(before));
        char *file = heap_textf("%s%s", name, value_text(old, "tag", ""));
        json_object_set_new(old, "file", json_string(file));
        free(file);
    }
    json_object_set_new(p->latest, name,
                        json_integer((json_int_t)json_array_size(p->changes)));
    json_array_append_new(p->changes,
                          json_pack("{s:s, s:s}", "name", name, "file", name));
}

static void read_plan(struct plan *p, const char *text, size_t size)
{
    char word[MIGRATE_VERSION];
    while (size) {
        const char *stop = memchr(text, '\n', size);
        size_t n = stop ? (size_t)(stop - text) : size;
        size_t m = n && text[n - 1] == '\r' ? n - 1 : n;
        int rc = plan_word(text, m, word, sizeof word);
        if (rc == 1)
            plan_tag(p, text, m);
        else if (rc == 0)
            plan_change(p, word);
        text += n + (stop != NULL);
        size -= n + (stop != NULL);
    }
}

static void sqitch_entry(const json_t *change, const char *plan,
                         const json_t *paths, struct migrate_layout *out)
{
    const char *file = value_text(change, "file", "");
    const char *name = value_text(change, "name", "");
    char *up = beside(plan, 1, "deploy/", file, ".sql");
    char *down = beside(plan, 1, "revert/", file, ".sql");
    if (json_object_get(paths, up))
        json_array_append_new(
            out->files,
            layout_entry(up, json_object_get(paths, down) ? down : NULL, name,
                         "plain"));
    else
        layout_problem(out, "file_missing", up,
                       "sqitch.plan names %s, and %s is not there", name, up);
    free(up);
    free(down);
}

int layout_sqitch(const struct layout_dir *dir, struct migrate_layout *out,
                  struct error *err)
{
    struct plan p = {json_array(), json_object()};
    json_t *text = NULL, *paths = NULL, *one;
    const char *name;
    size_t at, i;
    int rc = layout_find(dir, "sqitch.plan", &at);
    if (rc) {
        error_set(err, rc, "sqitch.plan is not there: it holds the order");
        error_next(err, "name the folder that holds it");
        goto out;
    }
    name = layout_path(dir, at);
    text = layout_text(dir, at);
    if (!text) {
        rc =
            error_set(err, RB_INVALID, "%s cannot be read as UTF-8 text", name);
        goto out;
    }
    read_plan(&p, json_string_value(text), json_string_length(text));
    paths = path_set(dir);
    json_array_foreach(p.changes, i, one) sqitch_entry(one, name, paths, out);
out:
    json_decref(p.changes);
    json_decref(p.latest);
    json_decref(paths);
    json_decref(text);
    return rc;
}
