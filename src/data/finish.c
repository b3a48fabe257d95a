/*
  finish.c - how a file of ours reaches the disk and its name. Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All bytes, or the errno that stopped them: a short write is no success. */
int NomosWriteAll(int fd, const void *bytes, size_t n)
{
  const char *p = (const char *)bytes;

  while (n) {
    const ssize_t put = write(fd, p, n);

    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put ? errno : ENOSPC;
    p += put;
    n -= (size_t)put;
  }
  return 0;
}

/* fsync of the file, rename, fsync of the folder: after a power cut there is the old file or the new one, whole. A device or a pipe of that
   name stays what it is. */
int NomosSyncRename(const char part[], const char path[], NomosWhy *why)
{
  char       *folder = strdup(path), *slash;
  const char *step   = "open";
  struct stat st;
  int         fd     = open(part, O_RDONLY);
  int         err    = fd < 0 || !folder;

  if (!err && !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
    NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot finish '%s': it is a device or a pipe; choose another name", path);
    close(fd);
    free(folder);
    return why->code;
  }
  if (!err) step = "fsync", err = fsync(fd) != 0;
  if (fd >= 0) close(fd);
  if (!err) step = "rename", err = rename(part, path) != 0;
  if (err) NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot finish '%s': %s: %s", path, step, strerror(errno));
  else {
    slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
      fsync(fd); /* some file systems refuse it for folders; the rename has happened all the same */
      close(fd);
    }
  }
  free(folder);
  return why->code;
}
