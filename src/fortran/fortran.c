/*
  fortran.c - the C side of the Fortran module `nomos` (nomos.F90): a trained model as six calls on plain arrays.

  A handle holds the map and Vecs without storage, into which each call places the caller's arrays. Fortran's x(nx,ny,c,b) is
  C's [b][c][ny][nx]: the same memory, so nothing is transposed. PETSc is started for programs that did not, and ended with
  the last model. An error returns its code; its sentence is kept for nomos_error_text().
*/
#include <nomos.h>
#include "../compat.h"
#include <stdint.h>
#include <stdio.h>

typedef struct {
  NomosMap map;
  Vec      x, y, gx, gy;
} Model;

static char      Sentence[1024];      /* of the last error, on this rank */
static PetscInt  Models       = 0;
static PetscBool StartedPETSc = PETSC_FALSE;
static MPI_Comm  World        = MPI_COMM_NULL; /* PETSc's world where we started it */

PETSC_EXTERN int  NomosFortranLoad(MPI_Fint comm, const char file[], const char options[], void **model);
PETSC_EXTERN int  NomosFortranSetGrid(void *model, int dim, const int n[], int batch);
PETSC_EXTERN int  NomosFortranShape(void *model, int *dim, int n[], int *channels_in, int *channels_out, int *batch);
PETSC_EXTERN int  NomosFortranApply(void *model, int64_t nx, const double x[], int64_t ny, double y[]);
PETSC_EXTERN int  NomosFortranGradient(void *model, int64_t nx, const double x[], int64_t ny, const double gy[], int64_t ngx, double gx[]);
PETSC_EXTERN int  NomosFortranDestroy(void **model);
PETSC_EXTERN void NomosFortranErrorText(char text[], int len);

/* Keeps the sentence of an error where it is made; prints nothing, the caller has the code. */
static PetscErrorCode Keep(MPI_Comm comm, int line, const char function[], const char file[], PetscErrorCode code, PetscErrorType type, const char message[], void *ctx)
{
  if (type == PETSC_ERROR_INITIAL) snprintf(Sentence, sizeof(Sentence), "%s", message ? message : "");
  return code;
}

static int Fail(PetscErrorCode code, const char sentence[])
{
  snprintf(Sentence, sizeof(Sentence), "%s", sentence);
  return (int)code;
}

/* PETSc on the ranks that load a model, without its signal handler: the program may have its own. */
static int Start(MPI_Fint comm)
{
  PetscBool have;
  int       mpi = 0;

  if (MPI_Initialized(&mpi) || !mpi) return Fail(PETSC_ERR_ORDER, "nomos_load before MPI_Init; call MPI_Init first");
  if (PetscInitialized(&have) || have) return 0;
  if (MPI_Comm_dup(MPI_Comm_f2c(comm), &World)) return Fail(PETSC_ERR_MPI, "nomos_load with a communicator that MPI refuses");
  PETSC_COMM_WORLD = World;
  if (PetscOptionsSetValue(NULL, "-no_signal_handler", "true") || PetscInitializeNoArguments()) return Fail(PETSC_ERR_LIB, "PETSc could not be started");
  StartedPETSc = PETSC_TRUE;
  return 0;
}

static int Stop(void)
{
  if (Models || !StartedPETSc) return 0;
  StartedPETSc = PETSC_FALSE;
  if (PetscFinalize()) return Fail(PETSC_ERR_LIB, "PETSc could not be ended");
  if (MPI_Comm_free(&World)) return Fail(PETSC_ERR_MPI, "a communicator could not be freed");
  return 0;
}

static PetscErrorCode DropVecs(Model *m)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&m->x));
  PetscCall(VecDestroy(&m->y));
  PetscCall(VecDestroy(&m->gx));
  PetscCall(VecDestroy(&m->gy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vecs of the grid and batch in force, made at the first use. */
static PetscErrorCode NeedVecs(Model *m, PetscInt *nx, PetscInt *ny)
{
  PetscFunctionBegin;
  PetscCall(NomosMapGetSizes(m->map, nx, NULL, ny));
  if (m->x) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, *nx, NULL, &m->x));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, *nx, NULL, &m->gx));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, *ny, NULL, &m->y));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, *ny, NULL, &m->gy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSize(const char name[], int64_t found, PetscInt expected)
{
  PetscFunctionBegin;
  PetscCheck(found == expected, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "array %s has %lld entries, the model takes %" PetscInt_FMT ": points times channels times batch; see nomos_shape and nomos_set_grid", name, (long long)found, expected);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Load(MPI_Comm comm, const char file[], const char options[], Model **model)
{
  Model *m;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  if (options[0]) PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(PetscNew(&m));
  *model = m; /* freed by the caller after an error, too */
  PetscCall(NomosMapLoad(comm, file, &m->map));
  PetscCall(NomosMapSetBatch(m->map, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetGrid(Model *m, int dim, const int n[], int batch)
{
  NomosGrid g;

  PetscFunctionBegin;
  PetscCall(NomosMapGetGrid(m->map, &g, NULL));
  PetscCheck(dim == g.dim, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "a grid with %d axes, the model has %" PetscInt_FMT, dim, g.dim);
  for (int j = 0; j < dim; j++) g.n[j] = n[dim - 1 - j]; /* Fortran's first axis is the fastest */
  PetscCall(DropVecs(m));
  PetscCall(NomosMapSetGrid(m->map, &g));
  PetscCall(NomosMapSetBatch(m->map, batch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Shape(Model *m, int *dim, int n[], int *channels_in, int *channels_out, int *batch)
{
  NomosGrid g;
  PetscInt  in, out, b;

  PetscFunctionBegin;
  PetscCall(NomosMapGetGrid(m->map, &g, NULL));
  PetscCall(NomosMapGetChannels(m->map, &in, &out));
  PetscCall(NomosMapGetBatch(m->map, &b));
  *dim          = (int)g.dim;
  *channels_in  = (int)in;
  *channels_out = (int)out;
  *batch        = (int)b;
  for (int j = 0; j < NOMOS_MAX_DIM; j++) n[j] = j < g.dim ? (int)g.n[g.dim - 1 - j] : 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Apply(Model *m, int64_t nx, const double x[], int64_t ny, double y[])
{
  PetscInt in, out;

  PetscFunctionBegin;
  PetscCall(NeedVecs(m, &in, &out));
  PetscCall(CheckSize("x", nx, in));
  PetscCall(CheckSize("y", ny, out));
  PetscCall(VecPlaceArray(m->x, x));
  PetscCall(VecPlaceArray(m->y, y));
  PetscCall(NomosMapApply(m->map, m->x, NULL, m->y));
  PetscCall(VecResetArray(m->x));
  PetscCall(VecResetArray(m->y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Gradient(Model *m, int64_t nx, const double x[], int64_t ny, const double gy[], int64_t ngx, double gx[])
{
  PetscInt in, out;
  Vec      y;

  PetscFunctionBegin;
  PetscCall(NeedVecs(m, &in, &out));
  PetscCall(CheckSize("x", nx, in));
  PetscCall(CheckSize("gy", ny, out));
  PetscCall(CheckSize("gx", ngx, in));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, out, &y)); /* the value, which nobody asked for */
  PetscCall(VecPlaceArray(m->x, x));
  PetscCall(VecPlaceArray(m->gy, gy));
  PetscCall(VecPlaceArray(m->gx, gx));
  PetscCall(NomosMapLinearize(m->map, m->x, NULL, y));
  PetscCall(NomosMapApplyAdjoint(m->map, m->gy, m->gx, NULL));
  PetscCall(VecResetArray(m->x));
  PetscCall(VecResetArray(m->gy));
  PetscCall(VecResetArray(m->gx));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Model *m)
{
  PetscFunctionBegin;
  PetscCall(DropVecs(m));
  PetscCall(NomosMapDestroy(&m->map));
  PetscCall(PetscFree(m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With errors kept instead of printed. A failed call may have left an array placed: the Vecs are made anew. */
#define GUARDED(code, call) \
  do { \
    Sentence[0] = 0; \
    if (PetscPushErrorHandler(Keep, NULL)) return Fail(PETSC_ERR_LIB, "no error handler"); \
    code = (int)(call); \
    if (PetscPopErrorHandler()) return Fail(PETSC_ERR_LIB, "no error handler"); \
  } while (0)

static int Afterwards(Model *m, int code)
{
  const char *text;

  if (!code) return 0;
  if (!Sentence[0] && !PetscErrorMessage((PetscErrorCode)code, &text, NULL)) snprintf(Sentence, sizeof(Sentence), "%s", text ? text : "error");
  if (m) (void)DropVecs(m);
  return code;
}

/*@C
  NomosFortranLoad - C side of Fortran's nomos_load: a trained model as a handle

  Collective

  Input Parameters:
+ comm    - communicator, as Fortran has it
. file    - a model, a checkpoint or safetensors
- options - option list for weights that have none, or ""

  Output Parameter:
. model - the handle, NULL after an error

  Note:
  In Fortran: call nomos_load(comm, 'model.h5', model, ierr), options as an optional argument. PETSc is started where the program
  has not done so, after MPI_Init, without its signal handler; it ends with the last model.

  Errors: returned as a code, never printed; the sentence by NomosFortranErrorText(), in Fortran nomos_error_text()

  Level: beginner
.seealso: `NomosFortranApply()`, `NomosFortranDestroy()`, `NomosMapLoad()`
@*/
int NomosFortranLoad(MPI_Fint comm, const char file[], const char options[], void **model)
{
  Model *m = NULL;
  int    code;

  *model = NULL;
  code   = Start(comm);
  if (code) return code;
  Models++; /* keeps PETSc alive meanwhile */
  GUARDED(code, Load(MPI_Comm_f2c(comm), file, options, &m));
  if (code) {
    code = Afterwards(m, code);
    if (m) (void)Destroy(m);
    Models--;
    (void)Stop();
  } else *model = m;
  return code;
}

/*@C
  NomosFortranSetGrid - C side of Fortran's nomos_set_grid: another resolution or batch than the model was trained at

  Not Collective

  Input Parameters:
+ model - the handle
. dim   - axes
. n     - points per axis, fastest axis first, as Fortran has them
- batch - samples per call

  Note:
  In Fortran: call nomos_set_grid(model, [64, 64], ierr).

  Errors: a code; PETSC_ERR_ARG_SIZ where the model has another number of axes

  Level: beginner
.seealso: `NomosFortranLoad()`, `NomosFortranShape()`
@*/
int NomosFortranSetGrid(void *model, int dim, const int n[], int batch)
{
  int code;

  if (!model) return Fail(PETSC_ERR_ORDER, "nomos_set_grid without a model; call nomos_load");
  GUARDED(code, SetGrid((Model *)model, dim, n, batch));
  return Afterwards((Model *)model, code);
}

/*@C
  NomosFortranShape - C side of Fortran's nomos_shape: axes, points, channels and batch in force

  Not Collective

  Input Parameter:
. model - the handle

  Output Parameters:
+ dim          - axes
. n            - points per axis, fastest first; three numbers, 1 for axes that are not there
. channels_in  - of the input
. channels_out - of the output
- batch        - samples per call

  Level: beginner
.seealso: `NomosFortranSetGrid()`, `NomosFortranApply()`
@*/
int NomosFortranShape(void *model, int *dim, int n[], int *channels_in, int *channels_out, int *batch)
{
  int code;

  if (!model) return Fail(PETSC_ERR_ORDER, "nomos_shape without a model; call nomos_load");
  GUARDED(code, Shape((Model *)model, dim, n, channels_in, channels_out, batch));
  return Afterwards((Model *)model, code);
}

/*@C
  NomosFortranApply - C side of Fortran's nomos_apply: the model's output

  Not Collective

  Input Parameters:
+ model - the handle
. nx    - entries of x
. x     - input
- ny    - entries of y

  Output Parameter:
. y - output

  Shapes: in Fortran a(nx[,ny[,nz]],channels_in[,batch]) and u(nx[,ny[,nz]],channels_out[,batch]), double precision
  Units:  those of the training data
  Errors: a code; PETSC_ERR_ARG_SIZ where a size is not that of nomos_shape

  Level: beginner
.seealso: `NomosFortranShape()`, `NomosFortranGradient()`
@*/
int NomosFortranApply(void *model, int64_t nx, const double x[], int64_t ny, double y[])
{
  int code;

  if (!model) return Fail(PETSC_ERR_ORDER, "nomos_apply without a model; call nomos_load");
  GUARDED(code, Apply((Model *)model, nx, x, ny, y));
  return Afterwards((Model *)model, code);
}

/*@C
  NomosFortranGradient - C side of Fortran's nomos_gradient: transposed derivative of the output with respect to the input

  Not Collective

  Input Parameters:
+ model - the handle
. nx    - entries of x
. x     - the point
. ny    - entries of gy
. gy    - direction in the output space
- ngx   - entries of gx

  Output Parameter:
. gx - (dy/dx)^T gy

  Shapes: as NomosFortranApply()

  Level: intermediate
.seealso: `NomosFortranApply()`, `NomosMapApplyAdjoint()`
@*/
int NomosFortranGradient(void *model, int64_t nx, const double x[], int64_t ny, const double gy[], int64_t ngx, double gx[])
{
  int code;

  if (!model) return Fail(PETSC_ERR_ORDER, "nomos_gradient without a model; call nomos_load");
  GUARDED(code, Gradient((Model *)model, nx, x, ny, gy, ngx, gx));
  return Afterwards((Model *)model, code);
}

/*@C
  NomosFortranDestroy - C side of Fortran's nomos_destroy: gives a model back; PETSc ends with the last one if the module started it

  Collective

  Input Parameter:
. model - the handle, NULL afterwards

  Level: beginner
.seealso: `NomosFortranLoad()`
@*/
int NomosFortranDestroy(void **model)
{
  int code;

  if (!*model) return 0;
  GUARDED(code, Destroy((Model *)*model));
  *model = NULL;
  Models--;
  if (code) return Afterwards(NULL, code);
  return Stop();
}

/*@C
  NomosFortranErrorText - C side of Fortran's nomos_error_text: the sentence of the last error on this rank

  Not Collective

  Input Parameter:
. len - room in text

  Output Parameter:
. text - the sentence, empty after a call that worked

  Level: beginner
.seealso: `NomosFortranLoad()`
@*/
void NomosFortranErrorText(char text[], int len)
{
  snprintf(text, (size_t)len, "%s", Sentence);
}
