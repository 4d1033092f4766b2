/*
 * Names and comment lines of migration files. A section keeps the file's
 * lines where they are and adds nothing to them; up and down share no line;
 * versions have a total order. A directory of three such files has an order
 * in which parents come first, or says why it has none. Input: tool, three
 * names, the file.
 */
#include "fuzz.h"
#include "../../core/drivers/migrate_layout.h"

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void total_order(char *const v[3])
{
    int ab = sign(migrate_version_compare(v[0], v[1]));
    int bc = sign(migrate_version_compare(v[1], v[2]));
    int ac = sign(migrate_version_compare(v[0], v[2]));
    CHECK(ab == -sign(migrate_version_compare(v[1], v[0])));
    CHECK(migrate_version_compare(v[0], v[0]) == 0);
    if (ab <= 0 && bc <= 0)
        CHECK(ac <= 0);
    if (ab >= 0 && bc >= 0)
        CHECK(ac >= 0);
}

static void name_of_a_file(enum migrate_tool tool, const char *path)
{
    struct migrate_file f;
    if (migrate_file_parse(tool, path, &f) != 0)
        return;
    CHECK(strlen(f.version) < MIGRATE_VERSION);
    CHECK(strlen(f.label) < sizeof f.label);
    CHECK(f.name >= path && f.name <= path + strlen(path));
    CHECK(!strchr(f.name, '/'));
    CHECK(f.direction == MIGRATE_REPEATABLE || tool == TOOL_ALEMBIC ||
          f.version[0]);
}

static size_t lines_of(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    return n + (size && text[size - 1] != '\n');
}

/* Each line of the section is the file's at that place, or empty. */
static void same_places(const char *text, size_t size, const char *part,
                        size_t part_size)
{
    CHECK(lines_of(text, size) == lines_of(part, part_size));
    while (part_size) {
        const char *end = memchr(text, '\n', size);
        const char *stop = memchr(part, '\n', part_size);
        size_t n = end ? (size_t)(end - text) + 1 : size;
        size_t m = stop ? (size_t)(stop - part) + 1 : part_size;
        CHECK((m == 1 && *part == '\n') ||
              (m == n && memcmp(text, part, n) == 0));
        text += n, size -= n;
        part += m, part_size -= m;
    }
}

static void no_shared_line(const struct buf *up, const struct buf *down)
{
    const char *a = buf_text(up), *b = buf_text(down);
    while (*a && *b) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        CHECK(n == 0 || m == 0 || (n == 1 && m == 1 && *a == '\r'));
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
}

static void sections(enum migrate_tool tool, const char *text, size_t size)
{
    struct migrate_section up, down;
    struct error err = {0};
    int a = migrate_file_section(tool, MIGRATE_UP, text, size, &up, &err);
    int b = migrate_file_section(tool, MIGRATE_DOWN, text, size, &down, &err);
    if (a == 0)
        same_places(text, size, buf_text(&up.text), up.text.size);
    if (b == 0)
        same_places(text, size, buf_text(&down.text), down.text.size);
    if (a == 0 && b == 0 && strlen(buf_text(&up.text)) == up.text.size &&
        (tool == TOOL_GOOSE || tool == TOOL_DBMATE || tool == TOOL_RAILS ||
         tool == TOOL_SQL_MIGRATE || tool == TOOL_NODE_PG))
        no_shared_line(&up.text, &down.text);
    buf_free(&up.text);
    buf_free(&down.text);
}

static void revision(const char *text, size_t size)
{
    char name[64] = "";
    json_t *parents = NULL;
    int rc = migrate_file_revision(text, size, name, sizeof name, &parents);
    CHECK(json_is_array(parents) && json_array_size(parents) <= size);
    CHECK(rc == 0 || rc == RB_INVALID);
    json_decref(parents);
}

static json_t *directory(char *const name[3], const char *text, size_t size)
{
    json_t *list = json_array();
    for (int i = 0; i < 3; i++) {
        json_t *path = json_string(name[i]);
        json_t *content = json_stringn(text, size);
        json_t *file = json_object();
        if (path)
            json_object_set_new(file, "path", path);
        if (content)
            json_object_set_new(file, "content", content);
        json_array_append_new(list, file);
    }
    return list;
}

/* Where a parent is in the list at all, it stands before its child. */
static void parents_first(const json_t *files)
{
    json_t *before = json_object(), *all = json_object(), *entry, *one;
    size_t i, k;
    json_array_foreach(files, i, entry)
        json_object_set_new(all, value_text(entry, "version", ""), json_true());
    json_array_foreach(files, i, entry)
    {
        json_array_foreach(json_object_get(entry, "parents"), k, one)
            CHECK(!json_object_get(all, json_string_value(one)) ||
                  json_object_get(before, json_string_value(one)));
        json_object_set_new(before, value_text(entry, "version", ""),
                            json_true());
    }
    json_decref(before);
    json_decref(all);
}

static void layout(const char *tool, char *const name[3], const char *text,
                   size_t size)
{
    json_t *files = directory(name, text, size), *entry;
    struct migrate_layout l;
    struct error err = {0};
    size_t i;
    int rc = migrate_layout(files, tool, NULL, NULL, &l, &err);
    CHECK(rc == 0 ? !err.code : err.code == rc && err.message[0]);
    if (rc == 0) {
        CHECK(json_array_size(l.files) > 0 && json_array_size(l.heads) > 0);
        parents_first(l.files);
        json_array_foreach(l.files, i, entry)
            CHECK(value_text(entry, "path", NULL) &&
                  value_text(entry, "format", NULL));
    }
    migrate_layout_free(&l);
    json_decref(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    enum migrate_tool tool = input_byte(&in) % TOOLS;
    char *name[3], *text;
    size_t left;
    for (int i = 0; i < 3; i++)
        name[i] = input_text(&in, '\n');
    left = in.left;
    text = input_bytes(&in, left);
    total_order(name);
    name_of_a_file(tool, name[0]);
    sections(tool, text, left);
    revision(text, left);
    layout(NULL, name, text, left);
    layout(migrate_tool_name(tool), name, text, left);
    CHECK(migrate_file_crc(text, left) == migrate_file_crc(text, left));
    for (int i = 0; i < 3; i++)
        free(name[i]);
    free(text);
    return 0;
}
