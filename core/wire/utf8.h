/*
 * Where valid UTF-8 ends. Text of a program, a file or a server may hold any
 * bytes; values and messages may not.
 */
#ifndef RBRUN_WIRE_UTF8_H
#define RBRUN_WIRE_UTF8_H

#include <stddef.h>

/*
 * Length in bytes, 1 to 4, of the character that text begins with, or 0 when
 * its first bytes are none: overlong, a surrogate, above U+10FFFF, cut off by
 * size (Unicode 15, table 3-7).
 */
size_t utf8_length(const char *text, size_t size);

/*
 * Whether the character of length bytes (as utf8_length gave it) tells a
 * terminal to do something instead of showing something: a control, or a
 * mark that turns the direction of the text around it.
 */
int utf8_commands(const char *text, size_t length);

#endif
