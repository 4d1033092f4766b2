/* "Did you mean": the known name nearest to a mistyped one. */
#ifndef RBRUN_ENGINE_NEAREST_H
#define RBRUN_ENGINE_NEAREST_H

/*
 * Edit distance with transpositions of neighbours (optimal string
 * alignment), over at most 63 bytes of each.
 */
int edit_distance(const char *a, const char *b);

struct nearest {
    const char *wanted;
    const char *best; /* NULL when nothing is near enough */
    int distance;
};

/* Start with the mistyped name, offer every known one, read best. */
void nearest_start(struct nearest *n, const char *wanted);
void nearest_offer(struct nearest *n, const char *known);

#endif
