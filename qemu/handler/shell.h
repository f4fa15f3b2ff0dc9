/* Scripts of shells. */
#pragma once

/*
 * Whether the script that a shell is started for has none of these words, in which ? is a space or tab; or without words, whether it
 * prints no fractions. Of one that comes through standard input nothing is known.
 */
int is_calm(char **argv, const char *words);
