/*
  checkpointdir.c - a folder of checkpoints: checkpoint-%09d.h5, the newest that verifies is the one. Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int CompareSteps(const void *a, const void *b)
{
  const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;

  return p > q ? -1 : p < q; /* newest first */
}

static int NameOf(const char folder[], int64_t step, char path[4096], NomosWhy *why)
{
  return snprintf(path, 4096, "%s/checkpoint-%09" PRId64 ".h5", folder, step) < 4096 ? 0 : NomosWhySet(why, PETSC_ERR_FILE_OPEN, "the path of the checkpoint folder '%.200s' is too long", folder);
}

/* The steps of all files named like checkpoints, newest first; free() the list. */
static int ListSteps(const char folder[], int *n, int64_t **steps, NomosWhy *why)
{
  DIR           *d = opendir(folder);
  struct dirent *e;
  int            room = 0;

  *n     = 0;
  *steps = NULL;
  if (!d) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open the checkpoint folder '%s': %s; check the name", folder, strerror(errno));
  while ((e = readdir(d)) && !why->code) {
    long long step;
    char      name[64];

    if (sscanf(e->d_name, "checkpoint-%lld.h5", &step) != 1 || step < 0) continue;
    snprintf(name, sizeof(name), "checkpoint-%09lld.h5", step);
    if (strcmp(name, e->d_name)) continue; /* also skips what is still a .part */
    if (*n == room) {
      int64_t *more = (int64_t *)realloc(*steps, sizeof(**steps) * (size_t)(room = 2 * room + 64));

      if (!more) {
        NomosWhySet(why, PETSC_ERR_MEM, "no memory to list '%s'", folder);
        break;
      }
      *steps = more;
    }
    (*steps)[(*n)++] = step;
  }
  closedir(d);
  if (*n) qsort(*steps, (size_t)*n, sizeof(**steps), CompareSteps);
  return why->code;
}

static int MakeFolder(const char folder[], NomosWhy *why)
{
  char path[4096];

  if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path) || !folder[0]) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "'%.200s' cannot be a checkpoint folder; see -nomos_checkpoint", folder);
  for (char *p = path + 1;; p++) {
    const char c = *p;

    if (c && c != '/') continue;
    *p = 0;
    if (mkdir(path, 0777) && errno != EEXIST && !c) return NomosWhySet(why, PETSC_ERR_FILE_WRITE, "cannot make the checkpoint folder '%s': %s; see -nomos_checkpoint", folder, strerror(errno));
    *p = c;
    if (!c) return 0;
  }
}

/* The folder is there and takes files: asked before hours of work. A file may have the name of no checkpoint. */
int NomosCheckpointFolder(const char folder[], NomosWhy *why)
{
  char probe[4096];
  int  fd;

  if (MakeFolder(folder, why)) return why->code;
  if (snprintf(probe, sizeof(probe), "%s/.nomos-XXXXXX", folder) >= (int)sizeof(probe)) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "the path of the checkpoint folder '%.200s' is too long; see -nomos_checkpoint", folder);
  if ((fd = mkstemp(probe)) < 0) return NomosWhySet(why, PETSC_ERR_FILE_WRITE, "the checkpoint folder '%s' takes no files: %s; give another one with -nomos_checkpoint", folder, strerror(errno));
  close(fd);
  unlink(probe);
  return 0;
}

/* What a killed writer left behind. */
static void RemoveParts(const char folder[])
{
  DIR           *d = opendir(folder);
  struct dirent *e;

  while (d && (e = readdir(d))) {
    long long step;
    char      name[64], path[4096];

    if (sscanf(e->d_name, "checkpoint-%lld.h5.part", &step) != 1 || step < 0) continue;
    snprintf(name, sizeof(name), "checkpoint-%09lld.h5.part", step);
    if (!strcmp(name, e->d_name) && snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path)) unlink(path);
  }
  if (d) closedir(d);
}

/* Removes what is older than the newest `keep` that verify. The one just written is among them, so never the only good one. */
static void Prune(const char folder[], int keep)
{
  NomosWhy why = {0, ""};
  int64_t *steps;
  int      n, good = 0;

  if (!ListSteps(folder, &n, &steps, &why))
    for (int i = 0; i < n; i++) {
      NomosCheckpoint c;
      NomosH5         h;
      char            path[4096];

      why.code = 0;
      if (NameOf(folder, steps[i], path, &why)) continue;
      if (good >= keep) unlink(path);
      else if (!NomosCheckpointOpen(path, &h, &c, &why)) {
        good++;
        NomosH5Close(&h);
      }
    }
  free(steps);
}

int NomosCheckpointSave(const char folder[], int keep, NomosImage image, int64_t step, NomosWhy *why)
{
  char            path[4096];
  NomosCheckpoint c;
  NomosH5         h;

  if (MakeFolder(folder, why) || NameOf(folder, step, path, why) || NomosImageWrite(image, path, step, why)) return why->code;
  if (NomosCheckpointOpen(path, &h, &c, why)) return why->code; /* older ones stay */
  NomosH5Close(&h);
  Prune(folder, keep < 2 ? 2 : keep);
  RemoveParts(folder);
  return 0;
}

/* A sentence more in the list of what was passed over. */
static void Append(char skipped[], size_t len, const char text[])
{
  const size_t have = strlen(skipped);

  if (have + 1 < len) snprintf(skipped + have, len - have, "%s%s", have ? "; " : "", text);
}

int NomosCheckpointNewest(const char where[], NomosH5 *h, NomosCheckpoint *c, int *found, char skipped[], size_t len, NomosWhy *why)
{
  struct stat st;
  int64_t    *steps;
  int         n;

  *found     = 0;
  *h         = NULL;
  skipped[0] = 0;
  if (stat(where, &st)) return NomosWhySet(why, PETSC_ERR_FILE_OPEN, "cannot open '%s': %s; -nomos_restart takes a checkpoint, a folder of them, or auto", where, strerror(errno));
  if (!S_ISDIR(st.st_mode)) {
    if (!NomosCheckpointOpen(where, h, c, why)) *found = 1;
    return why->code;
  }
  if (ListSteps(where, &n, &steps, why)) {
    free(steps);
    return why->code;
  }
  for (int i = 0; i < n && !*found; i++) {
    NomosWhy bad = {0, ""};
    char     path[4096];

    if (NameOf(where, steps[i], path, why)) break;
    if (!NomosCheckpointOpen(path, h, c, &bad)) *found = 1;
    else Append(skipped, len, bad.text);
  }
  free(steps);
  if (n && !*found && !why->code) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "none of the %d checkpoints in '%s' can be used: %.700s", n, where, skipped);
  return why->code;
}
