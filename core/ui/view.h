/*
 * What a person sees of a run. Results go to standard output, everything on
 * the way to standard error: one line a call when it is answered, on a
 * terminal with a last line that shows what is under way, elsewhere with
 * time stamps and a heartbeat. --json prints the events themselves.
 */
#ifndef RBRUN_UI_VIEW_H
#define RBRUN_UI_VIEW_H

#include "../engine/plan.h"

#include <stdio.h>

#define VIEW_SAID 4

enum view_kind { VIEW_TERMINAL, VIEW_PLAIN, VIEW_JSON, VIEW_QUIET };

struct view {
    enum view_kind kind;
    FILE *out; /* lines of the story */
    int colour;
    int all;               /* show recorded answers too: replay */
    unsigned from_journal; /* recorded answers not told yet */
    int planning;          /* events come from a plan being made */
    int live_line;         /* the last line is the live one */
    int64_t last_said;     /* steady ms of the last line */
    char busy[400];        /* what is under way */
    int64_t busy_since;
    json_t *names;             /* commit = tag, from the answers so far */
    char said[VIEW_SAID][160]; /* shapes of the last progress lines */
    unsigned said_next;
    int can_ask; /* a terminal to ask on */
    struct observer observer;
};

void view_open(struct view *v, int json, int quiet);
void view_close(struct view *v);

/* Leave the terminal tidy for what is printed past the view. */
void view_rest(struct view *v);

/* One line of the story. */
void view_say(struct view *v, const char *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a person should know of before they trust the rest; with --quiet,
   too. */
void view_warning(const struct view *v, const char *text);

/* A failure: what, cause, state of production, next command (last). */
void view_error(struct view *v, const struct error *err, int status);
/* The same, where the state is not what the status means. */
void view_error_state(struct view *v, const struct error *err, int status,
                      const char *state);

/* Ask for a text to be typed; 1 when it was, 0 when something else was,
   input ended, or a signal came. What was typed before the question was
   shown is not an answer. Only when v->can_ask. */
int view_confirm(struct view *v, const char *question, const char *expected);

/* Let a person decide on a write that the plan did not foresee: the observer's
   `ask`. Neither yes nor no, three times, and the end of input are -1. */
int view_ask(void *view, const json_t *call);

/* Columns of the terminal at this moment, or 80. */
int view_width(void);

/* The plan, marked for production. */
void view_plan(struct view *v, const struct plan *p, const struct run *r);

/* "red", "bold", ... or "" without colour. */
const char *view_colour(const struct view *v, const char *name);

/* Print one NDJSON event on standard output. Steals fields. */
void view_json(const char *event, json_t *fields);

#endif
