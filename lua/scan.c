#define _POSIX_C_SOURCE 200809L
#include "scan.h"
#include "../core/wire/buf.h"
#include "../core/wire/heap.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_BYTES (8u << 20)
#define SCAN_NOTES 4000
#define SCAN_NAME 64
#define SCAN_REGISTERS 256

/* The opcodes of Lua 5.4 that touch globals (lopcodes.h). */
enum opcode {
    OP_LOADK = 3,
    OP_GETUPVAL = 9,
    OP_GETTABUP = 11,
    OP_GETTABLE = 12,
    OP_GETFIELD = 14,
    OP_SETTABUP = 15,
    OP_SETTABLE = 16,
    OP_SELF = 20,
    OP_CALL = 68,
    OP_TAILCALL = 69
};

#if LUA_VERSION_NUM != 504
#error "the bytecode is read as Lua 5.4 writes it"
#endif

struct note {
    char name[SCAN_NAME];
    char field[SCAN_NAME];
    int line;
    int file; /* index in files */
    int is_write;
    int is_method;
};

struct text {
    const char *at; /* not NUL-terminated; NULL for none */
    size_t size;
};

struct cursor {
    unsigned char *at, *end;
    int bad;
};

/* One function of the dump; the arrays are borrowed from it or ours. */
struct proto {
    unsigned char *code;
    size_t code_count;
    struct text *constants; /* at NULL for what is no text */
    size_t constant_count;
    int *lines;
    size_t env; /* index of the upvalue _ENV, or SIZE_MAX */
};

static int enabled;
static struct note notes[SCAN_NOTES];
static size_t note_count;
static char *files[64];
static int file_count;

void scan_enable(void)
{
    enabled = 1;
}

static unsigned char *take(struct cursor *c, size_t size)
{
    unsigned char *at = c->at;
    if (c->bad || (size_t)(c->end - c->at) < size) {
        c->bad = 1;
        return NULL;
    }
    c->at += size;
    return at;
}

static unsigned take_byte(struct cursor *c)
{
    const unsigned char *at = take(c, 1);
    return at ? *at : 0;
}

/* ldump.c, dumpSize: seven bits a byte, high ones first, the last marked. */
static size_t take_size(struct cursor *c)
{
    size_t n = 0;
    unsigned byte;
    do {
        byte = take_byte(c);
        n = n << 7 | (byte & 0x7f);
    } while (!(byte & 0x80) && !c->bad);
    return n;
}

static struct text take_text(struct cursor *c)
{
    struct text t = {NULL, 0};
    size_t size = take_size(c);
    if (size) {
        t.at = (const char *)take(c, size - 1);
        t.size = size - 1;
    }
    return t;
}

/* A count of things that take at least one byte each. */
static size_t take_count(struct cursor *c)
{
    size_t n = take_size(c);
    if (n > (size_t)(c->end - c->at)) {
        c->bad = 1;
        n = 0;
    }
    return n;
}

static void take_constants(struct cursor *c, struct proto *p)
{
    p->constant_count = take_count(c);
    p->constants = heap_zeroed(p->constant_count + 1, sizeof *p->constants);
    for (size_t i = 0; i < p->constant_count && !c->bad; i++) {
        switch (take_byte(c)) {
        case LUA_TNUMBER:            /* LUA_VNUMINT */
        case LUA_TNUMBER | (1 << 4): /* LUA_VNUMFLT */
            take(c, 8);
            break;
        case LUA_TSTRING:            /* LUA_VSHRSTR */
        case LUA_TSTRING | (1 << 4): /* LUA_VLNGSTR */
            p->constants[i] = take_text(c);
            break;
        default: /* nil, false, true */
            break;
        }
    }
}

/* ldebug.c: a difference a instruction, and whole numbers where -128. */
static void take_lines(struct cursor *c, struct proto *p, int line)
{
    size_t count = take_count(c), absolute;
    const signed char *steps = (const signed char *)take(c, count);
    p->lines = heap_zeroed(p->code_count + 1, sizeof *p->lines);
    if (count && count != p->code_count)
        c->bad = 1;
    absolute = take_count(c);
    for (size_t i = 0; i < count && !c->bad; i++) {
        if (steps[i] == -128) {
            take_size(c);
            line = (int)take_size(c);
            absolute--;
        } else {
            line += steps[i];
        }
        p->lines[i] = line;
    }
    if (absolute)
        c->bad = 1;
}

static void take_names(struct cursor *c, struct proto *p)
{
    size_t count = take_count(c);
    for (size_t i = 0; i < count && !c->bad; i++) { /* locals */
        take_text(c);
        take_size(c);
        take_size(c);
    }
    count = take_count(c);
    p->env = SIZE_MAX;
    for (size_t i = 0; i < count && !c->bad; i++) {
        struct text name = take_text(c);
        if (name.at && name.size == 4 && memcmp(name.at, "_ENV", 4) == 0)
            p->env = i;
    }
}

static void copy_name(char *out, const struct text *t)
{
    size_t size = t->size < SCAN_NAME - 1 ? t->size : SCAN_NAME - 1;
    memcpy(out, t->at, size);
    out[size] = '\0';
}

static struct note *add_note(const struct proto *p, size_t pc,
                             const struct text *name, int is_write)
{
    struct note *n = &notes[note_count];
    if (note_count == SCAN_NOTES || !name->at)
        return NULL;
    memset(n, 0, sizeof *n);
    copy_name(n->name, name);
    n->line = p->lines[pc];
    n->file = file_count - 1;
    n->is_write = is_write;
    note_count++;
    return n;
}

struct instruction {
    unsigned op, a, b, c, k, bx;
};

static struct instruction decode(const struct proto *p, size_t pc)
{
    const unsigned char *at = p->code + 4 * pc;
    uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
                    (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    struct instruction i = {word & 0x7f, word >> 7 & 0xff, word >> 16 & 0xff,
                            word >> 24,  word >> 15 & 1,   word >> 15};
    return i;
}

static const struct text *constant(const struct proto *p, unsigned index)
{
    static const struct text none = {NULL, 0};
    return index < p->constant_count ? &p->constants[index] : &none;
}

/* name.field or name:field directly behind the read of name */
static void add_field(const struct proto *p, size_t pc, unsigned reg,
                      struct note *n)
{
    struct instruction i;
    if (!n || pc >= p->code_count)
        return;
    i = decode(p, pc);
    if ((i.op == OP_GETFIELD || (i.op == OP_SELF && i.k)) && i.b == reg &&
        constant(p, i.c)->at) {
        copy_name(n->field, constant(p, i.c));
        n->is_method = i.op == OP_SELF;
    }
}

/* A function with more than 256 constants reaches globals through
   registers: these hold what OP_GETUPVAL and OP_LOADK put there. */
struct registers {
    unsigned char is_env[SCAN_REGISTERS];
    const struct text *text[SCAN_REGISTERS];
};

static void step(const struct proto *p, size_t pc, struct registers *r)
{
    struct instruction i = decode(p, pc);
    unsigned char was_env = r->is_env[i.a];
    const struct text *name = r->text[i.op == OP_SETTABLE ? i.b : i.c];
    if (i.op == OP_GETTABUP && i.b == p->env)
        add_field(p, pc + 1, i.a, add_note(p, pc, constant(p, i.c), 0));
    else if (i.op == OP_SETTABUP && i.a == p->env)
        add_note(p, pc, constant(p, i.b), 1);
    else if (i.op == OP_GETTABLE && r->is_env[i.b] && name)
        add_field(p, pc + 1, i.a, add_note(p, pc, name, 0));
    else if (i.op == OP_SETTABLE && was_env && name)
        add_note(p, pc, name, 1);
    if (i.op == OP_SETTABUP || i.op == OP_SETTABLE)
        return;
    r->is_env[i.a] = i.op == OP_GETUPVAL && i.b == p->env;
    r->text[i.a] = i.op == OP_LOADK ? constant(p, i.bx) : NULL;
}

/* OP_TAILCALL A B C k, which an OP_RETURN of all results follows, becomes
   OP_CALL A B 0: the same call with all its results (lcode.c, luaK_finish
   sets C and k for the closing of upvalues and varargs, which the OP_RETURN
   does as well). */
static void keep_frame(struct proto *p, size_t pc)
{
    unsigned char *at = p->code + 4 * pc;
    if ((at[0] & 0x7f) != OP_TAILCALL)
        return;
    at[0] = (unsigned char)((at[0] & 0x80) | OP_CALL);
    at[1] &= 0x7f; /* k */
    at[3] = 0;     /* C */
}

static void scan_proto(struct cursor *c)
{
    struct proto p = {0};
    struct registers r = {{0}, {0}};
    size_t count, line;
    take_text(c); /* source */
    line = take_size(c);
    take_size(c);
    take(c, 3);
    p.code_count = take_count(c);
    p.code = take(c, 4 * p.code_count);
    take_constants(c, &p);
    count = take_count(c);
    take(c, 3 * count);
    count = take_count(c);
    for (size_t i = 0; i < count && !c->bad; i++)
        scan_proto(c);
    take_lines(c, &p, (int)line);
    take_names(c, &p);
    for (size_t pc = 0; pc < p.code_count && !c->bad; pc++) {
        if (enabled)
            step(&p, pc, &r);
        keep_frame(&p, pc);
    }
    free(p.constants);
    free(p.lines);
}

static int collect(lua_State *L, const void *bytes, size_t size, void *data)
{
    (void)L;
    return buf_add(data, bytes, size);
}

/* Put the changed bytecode in the place of the function. */
static void reload(lua_State *L, const struct buf *dump, const char *file)
{
    if (luaL_loadbufferx(L, dump->data, dump->size, file, "b"))
        lua_pop(L, 1);
    else
        lua_replace(L, -2);
}

void scan_function(lua_State *L, const char *file)
{
    /* signature, version, format, data, three sizes, integer, number,
       count of upvalues (lundump.c, checkHeader) */
    const size_t header = 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1;
    struct buf dump = BUF_INIT(SCAN_BYTES);
    struct cursor c = {NULL, NULL, 0};
    if (file_count == (int)(sizeof files / sizeof *files))
        return;
    files[file_count] = heap_text(file);
    if (!lua_dump(L, collect, &dump, 0) && dump.size > header) {
        file_count++;
        c.at = (unsigned char *)dump.data + header;
        c.end = (unsigned char *)dump.data + dump.size;
        scan_proto(&c);
        if (!c.bad && c.at == c.end)
            reload(L, &dump, file);
    }
    buf_free(&dump);
}

int scan_push(lua_State *L)
{
    lua_createtable(L, (int)note_count, 0);
    for (size_t i = 0; i < note_count; i++) {
        lua_createtable(L, 0, 6);
        lua_pushstring(L, files[notes[i].file]);
        lua_setfield(L, -2, "file");
        lua_pushinteger(L, notes[i].line);
        lua_setfield(L, -2, "line");
        lua_pushstring(L, notes[i].name);
        lua_setfield(L, -2, "name");
        if (notes[i].field[0]) {
            lua_pushstring(L, notes[i].field);
            lua_setfield(L, -2, "field");
        }
        lua_pushboolean(L, notes[i].is_write);
        lua_setfield(L, -2, "write");
        lua_pushboolean(L, notes[i].is_method);
        lua_setfield(L, -2, "method");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
