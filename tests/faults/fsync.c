/* Every fsync and fdatasync does what the file named by FSYNC_FAULT says, while it is there:
   "fail" makes it fail with EIO, a number makes it that many microseconds slower. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int faulty(const char *name, int file) {
    char word[16] = "";
    const char *fault = getenv("FSYNC_FAULT");
    int told = fault ? open(fault, O_RDONLY | O_CLOEXEC) : -1;
    if (told >= 0) {
        ssize_t length = read(told, word, sizeof word - 1);
        word[length > 0 ? length : 0] = 0;
        close(told);
    }
    if (!strcmp(word, "fail")) {
        errno = EIO;
        return -1;
    }
    if (*word) usleep((useconds_t)atoi(word));
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file) { return faulty("fsync", file); }
int fdatasync(int file) { return faulty("fdatasync", file); }
