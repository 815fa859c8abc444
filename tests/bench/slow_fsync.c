/* Makes every fsync and fdatasync slower by SLOW_FSYNC_US microseconds: a disk that is not ours. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int slowly(const char *name, int file) {
    static const char *delay;
    if (!delay && !(delay = getenv("SLOW_FSYNC_US"))) delay = "5000";
    usleep((useconds_t)atoi(delay));
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
