/*
 * What a person, a program or a code review sees of an assessment: lines of
 * core/drivers/assess.h in; text, NDJSON or SARIF 2.1.0 out, on standard
 * output. Progress goes to standard error, on a terminal only. All texts come
 * from foreign files: none of them can command a terminal.
 */
#ifndef RBRUN_UI_ASSESS_VIEW_H
#define RBRUN_UI_ASSESS_VIEW_H

#include "../wire/error.h"
#include "../wire/value.h"

#include <stdio.h>

enum assess_form { ASSESS_TEXT, ASSESS_JSON, ASSESS_SARIF, ASSESS_LAST_LINE };

/* Worst last. "none" is nothing to judge. */
enum assess_verdict {
    VERDICT_NONE,
    VERDICT_COMPATIBLE,
    VERDICT_CAUTION,
    VERDICT_UNKNOWN,
    VERDICT_INCOMPATIBLE,
    VERDICTS
};
extern const char *const assess_verdicts[VERDICTS];
/* Unknown for a text that is none of them. */
enum assess_verdict assess_verdict_of(const char *text);

struct assess_view {
    enum assess_form form;
    FILE *out;
    int colour;
    int terminal; /* progress can be shown */
    int live_line;
    int number;   /* errno when the output took no more, or 0 */
    json_t *set;  /* the line "set" */
    json_t *kept; /* entries that have something to say */
    json_t *net;  /* the line "net" */
    size_t count[VERDICTS];
    size_t files;
    size_t beside;    /* of these, with rows changed beside the catalog's
                         verdict */
    char newest[300]; /* the last file's name, and its verdict */
    enum assess_verdict newest_verdict;
};

void assess_view_open(struct assess_view *v, enum assess_form form, FILE *out);

/* Take a line (borrowed). 0, or RB_IO: the output takes no more. */
int assess_view_take(void *view, const json_t *line);

/* What all of it comes to: of a release its own verdict, with what is not
   applied yet of it; else the worst.
   Rows that a migration changes are unknown, whatever the catalog says. */
enum assess_verdict assess_view_verdict(const struct assess_view *v);

/* Print what is left to be printed. gate: how the last line ends; NULL or
   "the gate says no". RB_IO: the output took no more. */
int assess_view_end(struct assess_view *v, const char *gate, const char *next,
                    struct error *err);
void assess_view_close(struct assess_view *v);

/* core/ui/assess_words.c */

/* "drop of users.email", for a sentence about a reason. */
void assess_words(const json_t *reason, struct buf *out);

/* Whether the older release starts on the newer ledger at all: none (it does,
   or nobody was asked), unknown, or incompatible. */
enum assess_verdict assess_boot(const json_t *net);

/* "this release cannot be rolled back: drop of users.email; split it: expand
   now, contract a release later", or what else its verdict means. */
void assess_sentence(const json_t *net, struct buf *out);

/* core/ui/assess_story.c: the text form. */
void assess_story(struct assess_view *v, const char *gate, const char *next);

/* core/ui/assess_sarif.c: one log, of all that was kept. New reference. */
json_t *assess_sarif(const struct assess_view *v);

#endif
