/* Mistyped options. Optimized PETSc 3.18 says nothing about options nobody asked for, and newer releases warn about
   everyone's. Nomos names those of its own families, with the nearest spelling, once, on rank 0, at the end of the run.
   -data_, -net_, -pde_ and -loss_ are words host programs use too: a family counts only when an object of it was made.
   The words of a type stand behind whatever prefix the object has: -my_tao_sketchnewton_pc_kktsketch_schur. */
#include "petsc_ext/package.h"
#include <nomosimpl.h>
#include "optionnames.h"

#define NUM_NAMES (sizeof(NomosOptionNames) / sizeof(NomosOptionNames[0]))
#define MAX_NAME  64

/* -nomos_ is nobody else's. */
static struct {
  const char *family;
  PetscBool   used;
} Families[] = {
    {"nomos",             PETSC_TRUE },
    {"pde",               PETSC_FALSE},
    {"net",               PETSC_FALSE},
    {"constraint",        PETSC_FALSE},
    {"loss",              PETSC_FALSE},
    {"data",              PETSC_FALSE},
    {"tao_sketchnewton",  PETSC_FALSE},
    {"ksp_sketchproject", PETSC_FALSE},
    {"pc_kktsketch",      PETSC_FALSE}
};
#define FIRST_TYPE   6 /* from here on families are the words of a type, which follow prefixes */
#define NUM_FAMILIES (sizeof(Families) / sizeof(Families[0]))

/* Called where an object of a family is created; other words are ignored. */
PetscErrorCode NomosOptionsUseFamily(const char family[])
{
  PetscFunctionBegin;
  for (size_t i = 0; i < NUM_FAMILIES; i++) {
    PetscBool same;

    PetscCall(PetscStrcmp(family, Families[i].family, &same));
    if (same) Families[i].used = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the words of a used family begin in a name, the innermost of several; -1: nowhere. after: where they end. */
static PetscInt OfUsedFamily(const char name[], PetscInt *after)
{
  PetscInt best = -1;

  for (size_t i = 0; i < NUM_FAMILIES; i++) {
    const size_t len = strlen(Families[i].family);

    if (!Families[i].used) continue;
    for (const char *at = name; at && *at; at = i < FIRST_TYPE ? NULL : at + 1) {
      if (strncmp(at, Families[i].family, len) || at[len] != '_' || (at > name && at[-1] != '_') || at - name <= best) continue;
      best   = (PetscInt)(at - name);
      *after = best + (PetscInt)len + 1;
    }
  }
  return best;
}

/* words of solvers inside one of our types: PETSc's, which are not in the list */
static PetscBool OfInnerSolver(const char rest[])
{
  const char *const words[] = {"ksp_", "pc_", "mat_", "schur_", "hess_", "fieldsplit_", "sub_", "mg_"};

  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (!strncmp(rest, words[i], strlen(words[i]))) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* Number of letters to insert, delete, change or swap with a neighbour to make b of a. */
static PetscInt Distance(const char a[], const char b[])
{
  PetscInt     row[3][MAX_NAME + 1];
  const size_t na = strlen(a), nb = strlen(b);

  if (na > MAX_NAME || nb > MAX_NAME) return MAX_NAME;
  for (size_t j = 0; j <= nb; j++) row[1][j] = (PetscInt)j;
  for (size_t i = 1; i <= na; i++) {
    row[2][0] = (PetscInt)i;
    for (size_t j = 1; j <= nb; j++) {
      PetscInt best = row[1][j - 1] + (a[i - 1] != b[j - 1]);

      best = PetscMin(best, PetscMin(row[1][j], row[2][j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = PetscMin(best, row[0][j - 2] + 1);
      row[2][j] = best;
    }
    memcpy(row[0], row[1], sizeof(row[0]));
    memcpy(row[1], row[2], sizeof(row[0]));
  }
  return row[1][nb];
}

/* The known option nearest to a name (both without the dash); NULL when none is near. */
static const char *Nearest(const char name[], PetscInt *distance)
{
  const PetscInt limit = 1 + (PetscInt)strlen(name) / 5;
  const char    *best  = NULL;

  *distance = limit + 1;
  for (size_t i = 0; i < NUM_NAMES; i++) {
    PetscInt d;

    if (NomosOptionNames[i][0] != '-') continue;
    d = Distance(name, NomosOptionNames[i] + 1);
    if (d < *distance) {
      *distance = d;
      best      = NomosOptionNames[i];
    }
  }
  return best;
}

/*@C
  NomosOptionsCheck - names the options of Nomos' families that were given and that nothing asked for

  Collective

  Input Parameter:
. comm - rank 0 of it prints, to standard error

  Output Parameter:
. unused - how many there are, or NULL

  Level: developer

  Note:
  `PetscFinalize()` calls it. A program that wants a mistyped option to be an error calls it after its last
  SetFromOptions and looks at `unused`.

.seealso: `NomosInitializePackage()`
@*/
PetscErrorCode NomosOptionsCheck(MPI_Comm comm, PetscInt *unused)
{
  PetscInt n, count = 0;
  char   **names, **values;

  PetscFunctionBegin;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &names, &values));
  for (PetscInt i = 0; i < n; i++) {
    PetscInt       distance, after = 0;
    const PetscInt at = OfUsedFamily(names[i], &after);
    const char    *near;

    if (at < 0) continue;
    count++;
    near = Nearest(names[i] + at, &distance);
    if (OfInnerSolver(names[i] + after)) distance = 0;
    if (distance && !near) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s is unknown and was not used\n", names[i]));
    else if (!distance) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s was given and nothing in this run used it\n", names[i]));
    else
      PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s is unknown and was not used; did you mean -%.*s%s?\n", names[i], (int)at, names[i], near + 1));
  }
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &names, &values));
  if (unused) *unused = count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the finalizer: say it, and forget which families were used. */
PetscErrorCode NomosOptionsFinalize(void)
{
  PetscFunctionBegin;
  PetscCall(NomosOptionsCheck(PETSC_COMM_WORLD, NULL));
  for (size_t i = 1; i < NUM_FAMILIES; i++) Families[i].used = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The number of a word in a list as PETSc's enumerations have them (name of the type, prefix and NULL at the end); another word is
   an error that names the option and the words there are. */
PetscErrorCode NomosOptionsFindWord(PetscObject obj, const char option[], const char word[], const char *const list[], PetscInt *i)
{
  char      all[256] = "";
  PetscInt  n        = 0;
  PetscBool found;

  PetscFunctionBegin;
  while (list[n]) n++;
  n -= 2;
  PetscCall(PetscEListFind(n, list, word, i, &found));
  if (found) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt j = 0; j < n; j++) PetscCall(PetscSNPrintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", j ? ", " : "", list[j]));
  SETERRQ(PetscObjectComm(obj), PETSC_ERR_ARG_UNKNOWN_TYPE, "%s '%s' is unknown; it is one of %s", option, word, all);
}
