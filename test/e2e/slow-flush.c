// Makes a process's flushes to the disk take as long as a file says, in milliseconds: a disk that is slow, or hangs while the file does
// not say 0 again. For LD_PRELOAD; the file is named by SLOW_FLUSH_FILE.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long wanted_ms(void) {
  const char *path = getenv("SLOW_FLUSH_FILE");
  long ms = 0;
  FILE *file = path == NULL ? NULL : fopen(path, "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%ld", &ms) != 1) ms = 0;
  fclose(file);
  return ms;
}

static void wait_as_told(void) {
  const struct timespec step = {0, 20 * 1000 * 1000};
  for (long waited = 0; waited < wanted_ms(); waited += 20) nanosleep(&step, NULL);
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_as_told();
  return real(fd);
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_as_told();
  return real(fd);
}

int msync(void *at, size_t length, int flags) {
  int (*real)(void *, size_t, int) = (int (*)(void *, size_t, int))dlsym(RTLD_NEXT, "msync");
  wait_as_told();
  return real(at, length, flags);
}
