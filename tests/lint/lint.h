/* SPDX-License-Identifier: MIT
 *
 * lint.h - what the seeded bugs share: plain functions to hand locals to. These files are read by picot-lint, never
 * linked.
 */
#ifndef PICOT_TESTS_LINT_H
#define PICOT_TESTS_LINT_H

#include <picot.h>
#include <picot/group.h>
#include <picot/io.h>
#include <picot/task.h>
#include <stdlib.h>
#include <string.h>

struct lint_pair {
    int a, b;
};

int lint_number(int x);
void lint_fill(char *text, size_t size);
int lint_sum(const char *text, size_t size);
void lint_pair_use(struct lint_pair *pair);
void lint_pair_get(struct lint_pair *ret_pair);
int lint_divide(int a, int b, int *ret_rest);
void lint_close(int *fd);

#endif /* PICOT_TESTS_LINT_H */
