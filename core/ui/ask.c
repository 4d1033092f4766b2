/* The questions to a person at the terminal. What was typed before a question
   was shown is no answer to it. */
#define _GNU_SOURCE
#include "phrase.h"
#include "view.h"

#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TRIES 3

/* One line from the terminal, past the buffer of stdin: 0, or -1 when input
   ends or a signal comes. What does not fit is read and makes it wrong. */
static int read_line(char *line, size_t size)
{
    size_t n = 0;
    for (;;) {
        char c;
        if (read(0, &c, 1) != 1)
            return -1;
        if (c == '\n')
            break;
        if (n + 1 < size)
            line[n++] = c;
        else
            line[0] = '\0';
    }
    line[n] = '\0';
    if (strlen(line) != n)
        line[0] = '\0';
    return 0;
}

static int answer_to(struct view *v, const char *question, char *line,
                     size_t size)
{
    sigset_t none, old;
    int got;
    view_rest(v);
    tcflush(0, TCIFLUSH);
    fprintf(stderr, "%s%s%s", view_colour(v, "bold"), question,
            view_colour(v, "off"));
    fflush(stderr);
    /* While a run executes, signals wait for its loop; a question must not
       keep them waiting. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, &old);
    got = read_line(line, size);
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (got != 0)
        fputc('\n', stderr);
    return got; /* end of input is never consent */
}

int view_confirm(struct view *v, const char *question, const char *expected)
{
    char line[200];
    return answer_to(v, question, line, sizeof line) == 0 &&
           strcmp(line, expected) == 0;
}

int view_ask(void *data, const json_t *call)
{
    struct view *v = data;
    struct buf text = BUF_INIT(1000);
    char line[200];
    if (!v->can_ask)
        return -1;
    phrase_call(value_text(call, "verb", "?"), NULL,
                json_object_get(call, "args"), v->names, &text);
    view_say(v, "?", "the plan did not foresee this write: %s",
             buf_text(&text));
    buf_free(&text);
    view_say(v, "?",
             "no: it is not made, and is answered as rejected: the runbook "
             "fails there, unless it expects that, and its undo steps run");
    for (int tries = 0; tries < TRIES; tries++) {
        if (answer_to(v, "Type yes to let it happen, or no: ", line,
                      sizeof line) != 0)
            return run_stop_requested() ? 0 : -1;
        if (strcmp(line, "yes") == 0 || strcmp(line, "no") == 0)
            return line[0] == 'y';
        view_say(v, "?", "that is neither yes nor no");
    }
    return -1;
}
