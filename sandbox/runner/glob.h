/* The patterns of COLLECT. */
#ifndef MATCHBOX_GLOB_H
#define MATCHBOX_GLOB_H

#include <stdbool.h>

/*
 * Whether a relative path matches a pattern, from its first character to its last:
 *   ?      one character of a name (a whole UTF-8 character)
 *   *      any part of a name
 *   [a-z]  one byte of a set; [!a-z] one that is not in it
 *   **     as a whole name: any number of folders, also none; at the end, everything below
 *   \x     the character x itself
 * As in a shell, a leading dot of a name is matched only by a dot in the pattern, and / only by /.
 * Time is bounded by the product of the lengths, squared at worst: no pattern is exponential.
 */
bool glob_matches(const char *pattern, const char *path);

#endif
