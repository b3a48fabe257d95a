/* files.c - lists of files from an option, names made of names, whether a file can be written at all, and without loss. */
#include "cli.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

PetscErrorCode CliFilesDestroy(CliFiles *f)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < f->n; i++) PetscCall(PetscFree(f->name[i]));
  f->n = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliFilesCheck(Cli *cli, const char option[], const CliFiles *f)
{
  PetscFunctionBegin;
  PetscCheck(f->n <= CLI_MAX_FILES, cli->comm, PETSC_ERR_ARG_OUTOFRANGE, "%s has more than %d files; put more samples into one file", option, CLI_MAX_FILES);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The name without its suffix; folder false: without the folders in front as well. */
void CliStem(const char path[], PetscBool folder, char out[], size_t len)
{
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  const char *dot  = strrchr(base, '.');
  const char *from = folder ? path : base;

  snprintf(out, len, "%.*s", (int)(dot && dot != base ? dot - from : (long)strlen(from)), from);
}

/* What rank 0 wrote into text, on every rank. */
PetscErrorCode CliSameText(Cli *cli, char text[], size_t len)
{
  PetscMPIInt n;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast((PetscInt)len, &n));
  PetscCallMPI(MPI_Bcast(text, n, MPI_CHAR, 0, cli->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Something that is there and no regular file: a device, a pipe. */
int CliIsDevice(const char file[])
{
  struct stat st;

  return !stat(file, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* Tries to make a file in the folder where `file` will be; says what is wrong, or leaves why empty. */
static void TryFolder(const char file[], int lines, char why[], size_t len)
{
  char        probe[PETSC_MAX_PATH_LEN + 16];
  const char *slash = strrchr(file, '/');
  struct stat st;
  int         fd;

  why[0] = 0;
  if (!stat(file, &st) && S_ISDIR(st.st_mode)) {
    snprintf(why, len, "it is a folder");
    return;
  }
  if (CliIsDevice(file)) { /* a finished file is renamed to its name, which would take the device's place */
    if (!lines) snprintf(why, len, "it is a device or a pipe");
    return;
  }
  snprintf(probe, sizeof(probe), "%.*s.nomos-XXXXXX", slash ? (int)(slash - file) + 1 : 0, file);
  if ((fd = mkstemp(probe)) < 0) {
    snprintf(why, len, "%s", strerror(errno));
    return;
  }
  close(fd);
  unlink(probe);
}

PetscErrorCode CliCheckWritable(Cli *cli, const char option[], const char file[], PetscBool lines)
{
  char        why[256] = "";
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  if (rank == 0) TryFolder(file, lines, why, sizeof(why));
  PetscCall(CliSameText(cli, why, sizeof(why)));
  PetscCheck(!why[0], cli->comm, PETSC_ERR_FILE_OPEN, "'%s' cannot be written: %s; give another name with %s, in a folder that exists", file, why, option);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same file under two names as well: links, "./". Files that do not exist yet are compared by name. */
static int SameFile(const char a[], const char b[])
{
  struct stat sa, sb;

  if (!strcmp(a, b)) return 1;
  return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

PetscErrorCode CliCheckDistinct(Cli *cli, const char option[], const char file[], const char used_by[], PetscInt n, char *const others[])
{
  PetscMPIInt rank, same = 0;

  PetscFunctionBegin;
  if (!file[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  for (PetscInt i = 0; rank == 0 && i < n && !same; i++) same = others[i][0] && SameFile(file, others[i]);
  PetscCallMPI(MPI_Bcast(&same, 1, MPI_INT, 0, cli->comm));
  PetscCheck(!same, cli->comm, PETSC_ERR_USER_INPUT, "'%s' is what %s names, and %s would overwrite it; give %s another name", file, used_by, option, option);
  PetscFunctionReturn(PETSC_SUCCESS);
}
