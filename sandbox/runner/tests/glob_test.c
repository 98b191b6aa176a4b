#include "check.h"
#include "glob.h"

#include <string.h>

static void names(void) {
    EXPECT(glob_matches("a.txt", "a.txt") && !glob_matches("a.txt", "a.tx") && !glob_matches("a.tx", "a.txt"));
    EXPECT(glob_matches("*.csv", "data.csv") && glob_matches("*", "x") && !glob_matches("*.csv", "data.csv.gz"));
    EXPECT(!glob_matches("*.csv", "out/data.csv") && glob_matches("*/*.csv", "out/data.csv"));
    EXPECT(glob_matches("a*b*c", "a-b-b-c") && !glob_matches("a*b*c", "a-c-b"));
    EXPECT(glob_matches("?.x", "\xc3\xa9.x") && glob_matches("??", "\xf0\x9f\x94\xa5y") && !glob_matches("?", ""));
    EXPECT(glob_matches("[a-c]x", "bx") && !glob_matches("[a-c]x", "dx") && glob_matches("[!a-c]x", "dx"));
    EXPECT(glob_matches("[]]", "]") && glob_matches("[a-]", "-") && glob_matches("[x", "[x"));
    EXPECT(glob_matches("\\*", "*") && !glob_matches("\\*", "a") && glob_matches("a\\", "a\\"));
    EXPECT(!glob_matches("", "a") && !glob_matches("a/", "a") && !glob_matches("/a", "a"));
}

static void folders(void) {
    EXPECT(glob_matches("**", "a") && glob_matches("**", "a/b/c"));
    EXPECT(glob_matches("out/**", "out/a/b") && !glob_matches("out/**", "out") && !glob_matches("out/**", "other/a"));
    EXPECT(glob_matches("**/*.py", "x.py") && glob_matches("**/*.py", "a/b/x.py") && !glob_matches("**/*.py", "a/b"));
    EXPECT(glob_matches("a/**/z", "a/z") && glob_matches("a/**/z", "a/b/c/z") && !glob_matches("a/**/z", "a/z/b"));
    EXPECT(glob_matches("**/a/**/b", "x/a/a/y/b") && glob_matches("**/a", "a/a") && !glob_matches("**/a/b", "a/a"));
    EXPECT(!glob_matches("a**", "a/b") && glob_matches("a**", "abc"));
}

static void hidden_names(void) {
    EXPECT(!glob_matches("*", ".a") && !glob_matches("?a", ".a") && !glob_matches("[.]a", ".a"));
    EXPECT(glob_matches(".*", ".a") && glob_matches("**/.a", "x/.a"));
    EXPECT(!glob_matches("**", ".cache/x") && !glob_matches("**", "a/.b/c") && !glob_matches("**/x", ".cache/x"));
}

static void no_pattern_is_slow(void) {
    char pattern[2001], path[2001];
    for (size_t i = 0; i < 2000; i += 2) {
        memcpy(pattern + i, "a*", 2);
    }
    memset(path, 'a', 2000);
    memcpy(pattern + 1998, "*b", 3);
    path[2000] = '\0';
    EXPECT(!glob_matches(pattern, path));
    for (size_t i = 0; i < 1998; i += 3) {
        memcpy(pattern + i, "**/", 3);
        memcpy(path + i, "aa/", 3);
    }
    memcpy(pattern + 1998, "b", 2);
    memcpy(path + 1998, "a", 2);
    EXPECT(!glob_matches(pattern, path));
}

void glob_tests(void) {
    check("patterns match names", names);
    check("** crosses folders, and nothing else does", folders);
    check("a leading dot is matched only by a dot", hidden_names);
    check("no pattern takes exponential time", no_pattern_is_slow);
}
