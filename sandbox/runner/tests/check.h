/* As little of a test framework as will do. */
#ifndef MATCHBOX_TESTS_CHECK_H
#define MATCHBOX_TESTS_CHECK_H

#include <stdbool.h>

/* Runs one test; its name says what holds. */
void check(const char *name, void (*test)(void));
/* Notes a failure of the running test and goes on. */
void expect(bool holds, const char *what, const char *file, int line);
#define EXPECT(condition) expect((condition), #condition, __FILE__, __LINE__)

void frames_tests(void);
void glob_tests(void);
void files_tests(void);
void endings_tests(void);
void claim_tests(void);
void usage_tests(void);
/* `runner`: a descriptor of the program under test. */
void runner_tests(int runner, bool all_exit_codes);
void direct_tests(int runner);

#endif
