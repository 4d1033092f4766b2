#include "error.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MAX 501 /* bytes of a prefix, with the NUL */

/* A message may quote a server's or a script's bytes: no escape sequence of
   theirs may reach a terminal, and it must stay a text that can be encoded.
   UTF-8 that shows something, newlines and tabs pass. */
static void copy_printable(char *out, size_t size, const char *text)
{
    size_t n = 0, left = strlen(text), length;
    for (; left && n + 5 < size; text += length, left -= length) {
        unsigned char c = (unsigned char)*text;
        length = utf8_length(text, left);
        if (!length ||
            (utf8_commands(text, length) && c != '\n' && c != '\t')) {
            length = 1;
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        } else {
            memcpy(out + n, text, length);
            n += length;
        }
    }
    out[n] = '\0';
}

int error_setv(struct error *err, int code, const char *format, va_list args)
{
    char text[sizeof err->message];
    if (!err)
        return code;
    vsnprintf(text, sizeof text, format, args);
    copy_printable(err->message, sizeof err->message, text);
    err->next[0] = '\0';
    err->code = code;
    return code;
}

int error_set(struct error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return code;
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->message);
        char text[256];
        snprintf(text, sizeof text, ": %s", strerror(saved));
        copy_printable(err->message + used, sizeof err->message - used, text);
    }
    errno = saved;
    return code;
}

void error_next(struct error *err, const char *format, ...)
{
    char text[sizeof err->next];
    va_list args;
    if (!err)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    copy_printable(err->next, sizeof err->next, text);
}

void error_prefix(struct error *err, const char *format, ...)
{
    char text[sizeof err->message], before[PREFIX_MAX];
    va_list args;
    size_t used;
    if (!err)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    copy_printable(before, sizeof before, text);
    memcpy(text, err->message, sizeof text);
    used = (size_t)snprintf(err->message, sizeof err->message, "%s", before);
    /* Whole characters only, where the message gets too long. */
    copy_printable(err->message + used, sizeof err->message - used, text);
}
