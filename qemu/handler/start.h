/* How a twin is started. */
#pragma once
#include "text.h"

#define MAX_ARGS 8192
#define MAX_ENV 4096
#define MAX_ADDED 8 /* arguments, and variables */

struct start {
    char **argv; /* of the program: argv[0] as its caller gave it */
    char **env;  /* room for MAX_ENV + 16 */
    long variables;
    struct text room; /* for new variables */
    long new_variables;
    char *more[MAX_ADDED]; /* `add` */
    long added;
    char *swap[2];          /* `swap`: ARG and NEW */
    char *folder, *program; /* `load` */
    char *library;          /* `preload` */
    char *file;             /* `exec` */
    long own;               /* the open program */
    const char *path;       /* by which it was started */
};

/* The value of NAME in the environment, given NAME of `size` letters. */
char *value_of(char **env, const char *name, size_t size);

/* Does a line of a rule file (rules.h), its first word and what follows; 0 when it cannot be done, or is not known. */
int arrange(struct start *start, const char *word, char *value);

/* Becomes the twin; returns only when that fails. `count` arguments. */
void become(struct start *start, long count);
