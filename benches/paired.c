/* Starts several programs in turn, in a new random order each round, and compares
 * each with the first one of the same round: a machine whose speed drifts is slow
 * for all of them.
 *
 *   cc -O2 -o paired paired.c
 *   paired ROUNDS [NAME=VALUE:]PROGRAM... -- WORD...
 *
 * Every program is run as `kubectl WORD...` with this process's environment, and
 * the variable before it if there is one; it must exit 0, and what it prints is
 * thrown away. Prints, for each: median wall time, median of the differences to
 * the first program, and the median of the ratios; times in milliseconds. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { WARM_UP = 20, MOST_PROGRAMS = 16 };

extern char **environ;

static posix_spawn_file_actions_t actions;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

/* Milliseconds from start to end of one run; ends this process if it fails. */
static double run(const char *candidate, char **words) {
    char variable[4096];
    const char *program = candidate, *colon = strchr(candidate, ':');
    if (colon != NULL && memchr(candidate, '=', colon - candidate) != NULL) {
        snprintf(variable, sizeof variable, "%.*s", (int)(colon - candidate), candidate);
        putenv(variable);
        program = colon + 1;
    }
    struct timespec begin, end;
    pid_t pid;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (posix_spawn(&pid, program, &actions, NULL, words, environ) != 0 ||
        waitpid(pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "paired: %s failed\n", program);
        exit(1);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6;
}

static void shuffle(int *order, int count) {
    for (int last = count - 1; last > 0; last--) {
        int other = rand() % (last + 1), kept = order[last];
        order[last] = order[other];
        order[other] = kept;
    }
}

int main(int count, char **arguments) {
    int rounds = count > 2 ? atoi(arguments[1]) : 0, programs = 0;
    while (2 + programs < count && strcmp(arguments[2 + programs], "--") != 0) programs++;
    if (rounds < 1 || programs < 1 || programs > MOST_PROGRAMS || 2 + programs >= count) {
        fprintf(stderr, "usage: paired ROUNDS PROGRAM... -- WORD...\n");
        return 64;
    }
    char **words = arguments + 2 + programs;
    words[0] = "kubectl";
    double *times[MOST_PROGRAMS], *work = malloc(rounds * sizeof *work);
    int order[MOST_PROGRAMS];
    for (int program = 0; program < programs; program++) {
        times[program] = malloc(rounds * sizeof **times);
        order[program] = program;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (int round = rounds < WARM_UP ? -(rounds / 2) : -WARM_UP; round < rounds; round++) {
        shuffle(order, programs);
        for (int place = 0; place < programs; place++) {
            double taken = run(arguments[2 + order[place]], words);
            if (round >= 0) times[order[place]][round] = taken;
        }
    }
    printf("%-32s %10s %10s %8s\n", "program", "median ms", "added ms", "ratio");
    for (int program = 0; program < programs; program++) {
        double added, ratio;
        for (int round = 0; round < rounds; round++) work[round] = times[program][round] - times[0][round];
        added = median(work, rounds);
        for (int round = 0; round < rounds; round++) work[round] = times[program][round] / times[0][round];
        ratio = median(work, rounds);
        memcpy(work, times[program], rounds * sizeof *work);
        printf("%-32s %10.3f %10.3f %8.2f\n", arguments[2 + program], median(work, rounds), added, ratio);
    }
    return 0;
}
