#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int passed;
static int failed;
static bool holds_so_far;

void expect(bool holds, const char *what, const char *file, int line) {
    if (!holds) {
        holds_so_far = false;
        (void)printf("  %s:%d: %s\n", file, line, what);
    }
}

void check(const char *name, void (*test)(void)) {
    holds_so_far = true;
    test();
    (void)printf("%s %s\n", holds_so_far ? "ok  " : "FAIL", name);
    (void)fflush(stdout);
    passed += holds_so_far;
    failed += !holds_so_far;
}

int main(int argc, char **argv) {
    /* A runner that ends early must not take its tests with it. */
    (void)signal(SIGPIPE, SIG_IGN);
    frames_tests();
    glob_tests();
    files_tests();
    endings_tests();
    claim_tests();
    usage_tests();
    for (int i = 1; i < argc; i++) {
        const int runner = open(argv[i], O_RDONLY | O_CLOEXEC);
        if (runner < 0) {
            perror(argv[i]);
            return 1;
        }
        (void)printf("-- %s\n", argv[i]);
        runner_tests(runner, i == argc - 1);
        direct_tests(runner);
    }
    (void)printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
