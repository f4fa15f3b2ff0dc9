/* Programs of AWK. */
#pragma once

/*
 * Whether the program that an AWK is started for, as text or in files after -f, has nothing that CPUs may reckon otherwise, and no
 * option but -F, -v and -f is given: others may do anything.
 */
int is_plain_awk_call(char **argv);
