#define _GNU_SOURCE
#include "nearest.h"

#include <string.h>

#define LONGEST 63

static int smallest(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

int edit_distance(const char *a, const char *b)
{
    int rows[3][LONGEST + 1];
    int la = (int)strnlen(a, LONGEST), lb = (int)strnlen(b, LONGEST);
    for (int j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3];
        const int *before = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= lb; j++) {
            int cost = a[i - 1] != b[j - 1];
            now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

void nearest_start(struct nearest *n, const char *wanted)
{
    n->wanted = wanted;
    n->best = NULL;
    /* A third of the letters may be wrong, and at least one. */
    n->distance = (int)strlen(wanted) / 3 + 2;
}

void nearest_offer(struct nearest *n, const char *known)
{
    int d = edit_distance(n->wanted, known);
    if (d < n->distance) {
        n->distance = d;
        n->best = known;
    }
}
