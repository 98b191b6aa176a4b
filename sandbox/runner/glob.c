#include "glob.h"

#include <stddef.h>
#include <string.h>

/* The end of the name that starts here: its slash, or the end of the text. */
static const char *name_end(const char *at) {
    return at + strcspn(at, "/");
}

/*
 * Matches one byte against the set that opens at *pattern ('[' included) and moves *pattern behind it. An unclosed set
 * is a plain '['.
 */
static bool set_matches(const char **pattern, const char *end, unsigned char byte) {
    const char *at = *pattern + 1;
    const bool negated = at < end && (*at == '!' || *at == '^');
    at += negated;
    bool found = false;
    for (const char *first = at; at < end; at++) {
        if (*at == ']' && at != first) {
            *pattern = at + 1;
            return found != negated;
        }
        const unsigned char low = (unsigned char)*at;
        unsigned char high = low;
        if (at + 2 < end && at[1] == '-' && at[2] != ']') {
            high = (unsigned char)at[2];
            at += 2;
        }
        found |= low <= byte && byte <= high;
    }
    *pattern += 1;
    return byte == '[';
}

static const char *skip_character(const char *at, const char *end) {
    at++;
    while (at < end && ((unsigned char)*at & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

/* One name against one name of the pattern. After a mismatch only the last star can still give way. */
static bool name_matches(const char *pattern, const char *pattern_end, const char *name, const char *end) {
    if (name < end && *name == '.' && pattern < pattern_end && *pattern != '.' && *pattern != '\\') {
        return false;
    }
    const char *star = NULL;
    const char *star_name = NULL;
    while (name < end) {
        const char *next_pattern = pattern;
        const char *next_name = name + 1;
        bool matches = false;
        if (pattern < pattern_end && *pattern == '*') {
            star = ++pattern;
            star_name = name;
            continue;
        }
        if (pattern < pattern_end && *pattern == '?') {
            next_pattern = pattern + 1;
            next_name = skip_character(name, end);
            matches = true;
        } else if (pattern < pattern_end && *pattern == '[') {
            matches = set_matches(&next_pattern, pattern_end, (unsigned char)*name);
        } else if (pattern < pattern_end) {
            next_pattern += *pattern == '\\' && pattern + 1 < pattern_end;
            matches = *next_pattern == *name;
            next_pattern++;
        }
        if (matches) {
            pattern = next_pattern;
            name = next_name;
        } else if (star != NULL) {
            star_name = skip_character(star_name, end);
            pattern = star;
            name = star_name;
        } else {
            return false;
        }
    }
    while (pattern < pattern_end && *pattern == '*') {
        pattern++;
    }
    return pattern == pattern_end;
}

/* The same algorithm one level up: names instead of characters, ** instead of the star. */
bool glob_matches(const char *pattern, const char *path) {
    const char *star = NULL;
    const char *star_path = NULL;
    bool path_done = false;
    bool pattern_done = false;
    while (!path_done) {
        const char *pattern_stop = name_end(pattern);
        const char *path_stop = name_end(path);
        if (!pattern_done && pattern_stop - pattern == 2 && memcmp(pattern, "**", 2) == 0) {
            if (*pattern_stop == '\0') {
                /* Everything below, but nothing hidden: the rule of the leading dot holds for ** as well. */
                return *path != '.' && strstr(path, "/.") == NULL;
            }
            star = pattern = pattern_stop + 1;
            star_path = path;
            continue;
        }
        if (!pattern_done && name_matches(pattern, pattern_stop, path, path_stop)) {
            pattern_done = *pattern_stop == '\0';
            path_done = *path_stop == '\0';
            pattern = pattern_stop + !pattern_done;
            path = path_stop + !path_done;
        } else if (star != NULL && *star_path != '.' && *name_end(star_path) != '\0') {
            star_path = name_end(star_path) + 1;
            pattern = star;
            path = star_path;
            pattern_done = false;
        } else {
            return false;
        }
    }
    return pattern_done;
}
