/* Mistyped options. Optimized PETSc 3.18 says nothing about options nobody asked for, and newer releases warn about
   everyone's. Nomos names those of its own families, with the nearest spelling, once, on rank 0, at the end of the run.
   -data_, -net_, -pde_ and -loss_ are words host programs use too: a family counts only when an object of it was made.
   The words of a type stand behind whatever prefix the object has: -my_tao_sketchnewton_pc_kktsketch_schur.
   A program whose options are all PETSc's and Nomos' says so (NomosOptionsClaimAll()), and nothing is passed over. */
#include "petsc_ext/package.h"
#include <nomosimpl.h>
#include "optionnames.h"

#define NUM_NAMES (sizeof(NomosOptionNames) / sizeof(NomosOptionNames[0]))
#define MAX_NAME  64
#define CLOSE     2 /* letters that may differ where a name is not of a family of ours */

/* -nomos_ is nobody else's. Where alone is false others ask for such names too, perhaps later: only near misses are named. */
static struct {
  const char *family;
  PetscBool   used, alone;
} Families[] = {
  {"nomos",             PETSC_TRUE,  PETSC_TRUE },
  {"pde",               PETSC_FALSE, PETSC_TRUE },
  {"net",               PETSC_FALSE, PETSC_TRUE },
  {"constraint",        PETSC_FALSE, PETSC_TRUE },
  {"loss",              PETSC_FALSE, PETSC_TRUE },
  {"data",              PETSC_FALSE, PETSC_TRUE },
  {"tao_adamw",         PETSC_FALSE, PETSC_TRUE },
  {"tao_schedule",      PETSC_FALSE, PETSC_TRUE },
  {"tao_clip",          PETSC_FALSE, PETSC_TRUE },
  {"tao_nan_policy",    PETSC_FALSE, PETSC_TRUE },
  {"tao_conv",          PETSC_FALSE, PETSC_FALSE},
  {"tao_sketchnewton",  PETSC_FALSE, PETSC_TRUE },
  {"ksp_nomostune",     PETSC_FALSE, PETSC_FALSE},
  {"ksp_sketchproject", PETSC_FALSE, PETSC_TRUE },
  {"pc_nomossor",       PETSC_FALSE, PETSC_FALSE},
  {"pc_kktsketch",      PETSC_FALSE, PETSC_TRUE }
};
#define FIRST_TYPE   6 /* from here on families are the words of a type, which follow prefixes */
#define NUM_FAMILIES (sizeof(Families) / sizeof(Families[0]))

static PetscBool All = PETSC_FALSE; /* NomosOptionsClaimAll() */

/* Beginnings of PETSc's own names: many are asked for late, some at the very end. */
static const char *const PetscWords[] = {"tao_", "ksp_", "pc_", "snes_", "ts_", "mat_", "vec_", "dm_", "is_", "sf_", "sub_", "mg_", "log_", "malloc", "memory_", "objects_", "options_", "get_total_flops", "citations", "on_error", "fp_trap", "start_in_debugger", "debug", "stop_for_debugger", "info", "dll_", "checkstack", "check_pointer", "mpi", "saws", "viewer_", "draw_", "x_virtual", "nox", "display", "petsc", "random_", "device_", "use_gpu", "cuda_", "version", "history", "help", "no_signal_handler", "python", "shared_tmp", "hdf5"};

/* Called where an object of a family, or a type with options of its own, is created; other words are ignored. */
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

/*@C
  NomosOptionsClaimAll - says that every option of this run is meant for PETSc or Nomos

  Not Collective

  Level: developer

  Note:
  `NomosOptionsCheck()` then names all options that nothing asked for, not only those of Nomos' families. Names that begin like
  PETSc's own are named only where one of Nomos' is nearly the same, since PETSc asks for some of its own at the very end.

.seealso: `NomosOptionsCheck()`
@*/
PetscErrorCode NomosOptionsClaimAll(void)
{
  PetscFunctionBegin;
  All = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The family in use whose words stand in a name (without dash), the innermost of several; -1: none. at: where they begin, after: where they end. */
static PetscInt FamilyOf(const char name[], PetscInt *at, PetscInt *after)
{
  PetscInt family = -1, best = -1;

  *at = *after = 0;
  for (size_t i = 0; i < NUM_FAMILIES; i++) {
    const size_t len = strlen(Families[i].family);

    if (!Families[i].used) continue;
    for (const char *from = name; from && *from; from = i < FIRST_TYPE ? NULL : from + 1) {
      if (strncmp(from, Families[i].family, len) || (from > name && from[-1] != '_') || from - name <= best) continue;
      if (from[len] != '_' && (from[len] || i < FIRST_TYPE)) continue;
      family = (PetscInt)i;
      best   = (PetscInt)(from - name);
      *at    = best;
      *after = best + (PetscInt)len + (from[len] ? 1 : 0);
    }
  }
  return family;
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

static PetscBool LooksLikePetsc(const char name[])
{
  for (size_t i = 0; i < sizeof(PetscWords) / sizeof(PetscWords[0]); i++)
    if (!strncmp(name, PetscWords[i], strlen(PetscWords[i]))) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* Is an option that nobody asked for to be named? near: a known name like it, without the prefix of at letters; NULL: there is none. */
static PetscBool Ours(const char name[], const char **near, PetscInt *distance, PetscInt *at)
{
  PetscInt       after, ignored;
  const PetscInt family = FamilyOf(name, at, &after);

  *near = Nearest(name + *at, distance);
  if (family >= FIRST_TYPE && OfInnerSolver(name + after)) *distance = 0;
  if (family >= 0 && Families[family].alone) return PETSC_TRUE;
  if (!*near || *distance == 0) return All && !*near && !LooksLikePetsc(name) ? PETSC_TRUE : PETSC_FALSE; /* known: another verb's */
  if (family >= 0) return PETSC_TRUE;
  if (All && !LooksLikePetsc(name)) return PETSC_TRUE;
  return *distance <= CLOSE && (All || FamilyOf(*near + 1, &ignored, &after) > 0) ? PETSC_TRUE : PETSC_FALSE;
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

.seealso: `NomosInitializePackage()`, `NomosOptionsClaimAll()`
@*/
PetscErrorCode NomosOptionsCheck(MPI_Comm comm, PetscInt *unused)
{
  PetscInt n, count = 0;
  char   **names, **values;

  PetscFunctionBegin;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &names, &values));
  for (PetscInt i = 0; i < n; i++) {
    PetscInt    distance, at;
    const char *near;

    if (!Ours(names[i], &near, &distance, &at)) continue;
    count++;
    if (distance && !near) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s is unknown and was not used\n", names[i]));
    else if (!distance) PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s was given and nothing in this run used it\n", names[i]));
    else PetscCall(PetscFPrintf(comm, PETSC_STDERR, "nomos: option -%s is unknown and was not used; did you mean -%.*s%s?\n", names[i], (int)at, names[i], near + 1));
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
  All = PETSC_FALSE;
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
