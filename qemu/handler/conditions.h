/* The lines of a rule file (rules.h) that something must hold for. */
#pragma once
#include "start.h"

enum { FAILS = 0, HOLDS = 1, NO_CONDITION = 2 };

/* Whether what a line asks for, its first word and what follows, holds for the program that is to start. */
int holds(const struct start *start, const char *word, char *value);
