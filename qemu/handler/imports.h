/* What scripts of Python load. */
#pragma once

/*
 * Whether the script that Python is started for - a file that is the first argument, or the text after -c - names no modules but these, nothing
 * by which it could load others, no imaginary numbers, and no powers but of whole numbers; and its folder has no module of these names, which would come first. Names with
 * a dash before them may be in no such folder, either, and must not be loaded.
 */
int imports_only(char **argv, const char *names);
