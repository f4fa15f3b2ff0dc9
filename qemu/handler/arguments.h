/* Questions about the arguments of a program. All take argv, of which the first is its name. */
#pragma once

/* Whether one of them matches a text. */
int has_argument(char **argv, const char *text, int (*matches)(const char *, const char *));

/* Whether one of them is one of the words of a text, which is cut into them. */
int has_some(char **argv, char *words);

/* Whether they begin with the words of a text, which is cut into them. */
int begin_with(char **argv, char *words);

/* Whether the first consists of letters of a text. */
int has_first(char **argv, const char *letters);

/* Whether one of them is no option. */
int has_operand(char **argv);

/* Whether one of them has one of these letters: each, or of the options of one letter only. */
int has_letters(char **argv, const char *letters, int options);

/* Whether every one that is no option is a path in a folder. */
int lie_below(char **argv, const char *folder);

/* Whether each @FILE among them can be read and no word in it is an option or another such file. */
int holds_names(char **argv);
