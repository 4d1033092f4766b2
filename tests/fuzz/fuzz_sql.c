/*
 * The SQL reader with its rules: migrations as any text. Each file gets a
 * verdict; one that PostgreSQL's parser does not take is never compatible;
 * what is said lies inside the file; no rule trips over a tree.
 * Input: files, each ended by a NUL: a letter (u up, d down, in capitals with
 * the text wanted), one for the format (p plain, a auto, ...), the SQL. The
 * first letter's code also says the mode: u one release, d a history that
 * begins empty, any third one statements only.
 *
 * The rules are Lua, the parser's library has no probes: lines of the rules
 * that are reached and shapes of trees are told to libFuzzer as counters.
 */
#include "fuzz.h"

#include <jansson.h>
#include <lauxlib.h>
#include "../../lua/reader_tree.h"
static int counted_push(lua_State *S, const char *json, size_t size,
                        const char *source);
static lua_State *state_on_heap(void);
#define luaL_newstate state_on_heap
#define tree_push counted_push
#include "../../lua/reader_sql.c"
#undef tree_push
#include "inside/inside.h"

#define COUNTERS (1u << 15)
#define FILES_MAX 6

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

static void count(uint32_t what)
{
    what *= 2654435761u;
    if (counters[what >> 17] < 255)
        counters[what >> 17]++;
}

static uint32_t hash(uint32_t seed, const char *text)
{
    while (*text)
        seed = (seed ^ (unsigned char)*text++) * 16777619u;
    return seed;
}

/* A field, by the field that it is in. */
static void count_tree(const json_t *tree, uint32_t above)
{
    const char *key;
    json_t *item;
    size_t i;
    json_object_foreach((json_t *)tree, key, item)
    {
        uint32_t here = hash(above * 31, key);
        count(here);
        count_tree(item, hash(2166136261u, key));
    }
    json_array_foreach(tree, i, item) count_tree(item, above);
}

static int counted_push(lua_State *S, const char *json, size_t size,
                        const char *source)
{
    json_t *tree = json_loadb(json, size, 0, NULL);
    if (tree)
        count_tree(tree, 1);
    json_decref(tree);
    return tree_push(S, json, size, source);
}

static void *on_heap(void *data, void *block, size_t old, size_t size)
{
    (void)data, (void)old;
    if (size)
        return inside_realloc(block, size);
    inside_free(block);
    return NULL;
}

static lua_State *state_on_heap(void)
{
    return lua_newstate(on_heap, NULL);
}

void inside_exit(int status)
{
    fprintf(stderr, "no memory for the rules (%d)\n", status);
    abort();
}

static void on_line(lua_State *S, lua_Debug *ar)
{
    lua_getinfo(S, "S", ar);
    count(hash((uint32_t)ar->currentline, ar->short_src));
}

static void start(void)
{
    struct error err = {0};
    CHECK(reader_sql_role.prepare(&err) == 0);
    lua_sethook(L, on_line, LUA_MASKLINE, 0);
    inside_keep();
}

static json_t *describe(struct input *in, struct buf *sql)
{
    static const char *const formats[] = {"plain",  "auto",   "goose",
                                          "dbmate", "flyway", "node-pg"};
    static const char *const modes[] = {"release", "history", "split"};
    json_t *list = json_array();
    const char *mode = modes[in->left ? (in->at[0] | 32) % 3 : 0];
    int want_text = 0;
    for (int i = 0; in->left && i < FILES_MAX; i++) {
        unsigned way = input_byte(in), format = input_byte(in);
        const uint8_t *end = memchr(in->at, 0, in->left);
        size_t size = end ? (size_t)(end - in->at) : in->left;
        want_text |= way < 'a';
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:I}", "name", "m.sql",
                            "direction", (way | 32) == 'd' ? "down" : "up",
                            "format", formats[format == 'p' ? 0 : format % 6],
                            "bytes", (json_int_t)size));
        CHECK(buf_add(sql, in->at, size) == 0);
        in->at += size;
        in->left -= size;
        input_byte(in);
    }
    return json_pack("{s:o, s:b, s:s, s:b}", "files", list, "want_text",
                     want_text, "mode", mode, "closed", mode[0] == 'h');
}

static int parses(const char *sql, size_t size)
{
    char *copy = strndup(sql, size);
    PgQueryParseResult r = pg_query_parse(copy);
    int fine = !r.error;
    pg_query_free_parse_result(r);
    free(copy);
    return fine;
}

static int is_verdict(const char *text)
{
    return strcmp(text, "compatible") == 0 || strcmp(text, "caution") == 0 ||
           strcmp(text, "incompatible") == 0 || strcmp(text, "unknown") == 0;
}

static int is_harmless(const char *verdict)
{
    return strcmp(verdict, "compatible") == 0 ||
           strcmp(verdict, "caution") == 0;
}

static void inside_the_file(const json_t *file, size_t size)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(file, "statements"), i, one)
    {
        int64_t at = value_int(one, "at", -1), n = value_int(one, "bytes", -1);
        CHECK(at >= 0 && n >= 0 && (size_t)(at + n) <= size + 3);
        CHECK(value_int(one, "line", 0) >= 1);
    }
}

/* psql's own commands are passed over: such a file need not parse. */
static void believable(const json_t *asked, const char *verdict,
                       const char *sql, size_t size)
{
    if (is_harmless(verdict) &&
        strcmp(value_text(asked, "format", ""), "plain") == 0 &&
        !memchr(sql, '\\', size) &&
        memcmp(size < 3 ? "   " : sql, "\xef\xbb\xbf", 3) != 0)
        CHECK(parses(sql, size));
}

/* A rule that trips makes its statement unknown, and says so. */
static void no_rule_fails(const json_t *entry)
{
    static const char begin[] = "the rules failed: ";
    json_t *reason;
    size_t i;
    json_array_foreach(json_object_get(entry, "reasons"), i, reason) CHECK(
        strncmp(value_text(reason, "text", ""), begin, sizeof begin - 1) != 0);
}

static void look(const json_t *given, const json_t *reply, const char *sql)
{
    const json_t *asked = json_object_get(given, "files");
    const json_t *entries = json_object_get(reply, "files");
    int judged = strcmp(value_text(given, "mode", ""), "split") != 0;
    json_t *one;
    size_t i;
    no_rule_fails(reply);
    CHECK(json_array_size(entries) == json_array_size(asked));
    json_array_foreach(asked, i, one)
    {
        const json_t *file = json_array_get(entries, i);
        const char *verdict = value_text(file, "verdict", "");
        size_t size = (size_t)value_int(one, "bytes", 0);
        CHECK(!judged || is_verdict(verdict));
        no_rule_fails(file);
        believable(one, verdict, sql, size);
        inside_the_file(file, size);
        sql += size;
    }
}

static void look_at(const json_t *given, const struct reader_reply *reply,
                    const char *sql)
{
    json_t *whole = NULL;
    if (reply->body)
        whole = json_loadb(reply->body, reply->body_size, 0, NULL);
    look(given, whole ? whole : reply->document, sql);
    json_decref(whole);
}

/* The reader lives for one answer; here it is put back. */
static void forget(struct reader_reply *reply)
{
    json_decref(reply->document);
    buf_free(&options);
    buf_free(&text);
    buf_free(&files);
    buf_free(&body);
    inside_again();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct buf sql = BUF_INIT(1 << 20);
    struct reader_reply reply = {NULL, NULL, 0};
    struct error err = {0};
    json_t *given;
    if (!L)
        start();
    given = describe(&in, &sql);
    CHECK(reader_sql_role.open(given, &err) == 0);
    CHECK(reader_sql_role.push(buf_text(&sql), sql.size, &err) == 0);
    if (reader_sql_role.finish(&reply, &err) == 0)
        look_at(given, &reply, buf_text(&sql));
    else
        CHECK(err.message[0] && !strstr(err.message, "attempt to") &&
              !strstr(err.message, "bad argument"));
    forget(&reply);
    json_decref(given);
    buf_free(&sql);
    return 0;
}
