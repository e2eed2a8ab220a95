/* Sets the time of day of a program without setting the machine's: what settimeofday(2)
 * changes, CLOCK_REALTIME, is JUMP seconds away; the other clocks go on as they do then. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int answer = (int)syscall(SYS_clock_gettime, clock, now);
    const char *jump = getenv("JUMP");
    if (answer == 0 && jump != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += atol(jump);
    return answer;
}
