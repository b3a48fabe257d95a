/*
  pictures.c - what a run shows: curves of loss and errors; input, truth, prediction and error of a few samples.

  Rank 0 draws. A picture that cannot be drawn costs a sentence, not the run: the numbers are safe by then.
*/
#include "cli.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHOWN    3 /* samples in a picture */
#define LINE_LEN 8192

/* -pictures, or OUT_pictures beside -o; made now, so that a name that cannot be is refused before the run */
PetscErrorCode CliPicturesFolder(Cli *cli, const char out[], const char wanted[], char folder[], size_t len)
{
  PetscMPIInt rank;
  char        why[256] = "";
  struct stat st;

  PetscFunctionBegin;
  folder[0] = 0;
  if (!strcmp(wanted, "none") || (!wanted[0] && !out[0])) PetscFunctionReturn(PETSC_SUCCESS);
  if (wanted[0]) PetscCall(PetscStrncpy(folder, wanted, len));
  else {
    CliStem(out, PETSC_TRUE, folder, len);
    PetscCall(PetscStrlcat(folder, "_pictures", len));
  }
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  if (rank == 0 && mkdir(folder, 0777) && (errno != EEXIST || stat(folder, &st) || !S_ISDIR(st.st_mode))) snprintf(why, sizeof(why), "%s", errno == EEXIST ? "a file of that name is there" : strerror(errno));
  PetscCall(CliSameText(cli, why, sizeof(why)));
  PetscCheck(!why[0], cli->comm, PETSC_ERR_FILE_OPEN, "the folder '%s' for pictures cannot be made: %s; give another one with -pictures DIR, or -pictures none", folder, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the history -------------------------------------------------------------------------------------------------- */
typedef struct {
  PetscInt   n, room, ntests;
  PetscReal *step, *f, *test[CLI_MAX_FILES];
} History;

static PetscErrorCode Grow(History *h)
{
  PetscReal **all[2] = {&h->step, &h->f};

  PetscFunctionBegin;
  if (h->n < h->room) PetscFunctionReturn(PETSC_SUCCESS);
  h->room = h->room ? 2 * h->room : 1024;
  for (int i = 0; i < 2; i++) PetscCall(PetscRealloc(sizeof(PetscReal) * (size_t)h->room, all[i]));
  for (PetscInt i = 0; i < h->ntests; i++) PetscCall(PetscRealloc(sizeof(PetscReal) * (size_t)h->room, &h->test[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One line: step,time_s,f,...,epoch,test1_rel_l2,... as .csv, or as .jsonl with a name in front of each number. A continued run appends:
   the last line of a step counts. */
static PetscErrorCode Line(History *h, char line[])
{
  const int json = line[0] == '{' && strchr(line, ':');
  char     *at   = json ? strchr(line, ':') + 1 : line, *end;
  PetscReal v[9 + CLI_MAX_FILES];
  int       n = 0;

  PetscFunctionBegin;
  for (; at && n < 9 + (int)h->ntests; n++) {
    v[n] = strtod(at, &end);
    if (end == at) v[n] = (PetscReal)NAN;
    at = strchr(at, json ? ':' : ',');
    if (at) at++;
  }
  if (n < 3 || PetscIsNanReal(v[0])) PetscFunctionReturn(PETSC_SUCCESS); /* the header */
  while (h->n && h->step[h->n - 1] >= v[0]) h->n--;
  PetscCall(Grow(h));
  h->step[h->n] = v[0];
  h->f[h->n]    = v[2];
  for (PetscInt i = 0; i < h->ntests; i++) h->test[i][h->n] = 9 + i < n ? v[9 + i] : (PetscReal)NAN;
  h->n++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DrawCurves(const char folder[], History *h, const CliFiles *tests)
{
  NomosCurve f = {"f", h->n, h->step, h->f}, e[CLI_MAX_FILES];
  char       path[2 * PETSC_MAX_PATH_LEN], names[CLI_MAX_FILES][256];
  PetscReal *at;
  PetscInt   m = 0;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "%s/loss.png", folder);
  PetscCall(NomosPictureCurves(path, "Training loss", "step", "f", PETSC_TRUE, 1, &f));
  if (!h->ntests) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(h->n + 1, &at));
  for (PetscInt k = 0; k < h->n; k++) { /* only the lines that carry test errors: the last of each epoch */
    if (PetscIsNanReal(h->test[0][k])) continue;
    at[m] = h->step[k] + 1;
    for (PetscInt i = 0; i < h->ntests; i++) h->test[i][m] = h->test[i][k];
    m++;
  }
  for (PetscInt i = 0; i < h->ntests; i++) {
    CliStem(tests->name[i], PETSC_FALSE, names[i], sizeof(names[i]));
    e[i] = (NomosCurve){names[i], m, at, h->test[i]};
  }
  snprintf(path, sizeof(path), "%s/errors.png", folder);
  PetscCall(NomosPictureCurves(path, "Relative L2 error on the test files", "step", "rel_l2", PETSC_TRUE, h->ntests, e));
  PetscCall(PetscFree(at));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliPictureHistory(Cli *cli, const char folder[], const char history[], const CliFiles *tests)
{
  History     h = {.ntests = tests->n};
  PetscMPIInt rank;
  FILE       *f;
  char        line[LINE_LEN];

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  if (rank || !(f = fopen(history, "r"))) PetscFunctionReturn(PETSC_SUCCESS);
  while (fgets(line, sizeof(line), f)) PetscCall(Line(&h, line));
  fclose(f);
  if (h.n && DrawCurves(folder, &h, tests)) PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: the curves of '%s' could not be drawn in '%s'\n", history, folder));
  PetscCall(PetscFree(h.step));
  PetscCall(PetscFree(h.f));
  for (PetscInt i = 0; i < h.ntests; i++) PetscCall(PetscFree(h.test[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- samples ------------------------------------------------------------------------------------------------------- */
/* Of a field with three axes the middle slice. */
static const PetscReal *Slice(const NomosGrid *g, const PetscReal v[])
{
  return g->dim == 3 ? v + (size_t)(g->n[0] / 2) * (size_t)g->n[1] * (size_t)g->n[2] : v;
}

static void Panel(const NomosGrid *g, const PetscReal v[], const char title[], NomosColours colours, NomosPanel *p)
{
  *p = (NomosPanel){.title = title, .nx = g->n[g->dim - 1], .ny = g->dim > 1 ? g->n[g->dim - 2] : 1, .values = Slice(g, v), .lx = g->length[g->dim - 1], .ly = g->dim > 1 ? g->length[g->dim - 2] : 0, .colours = colours};
}

static void Share(NomosPanel *a, NomosPanel *b)
{
  const size_t n = (size_t)a->nx * (size_t)a->ny;

  a->lo = b->lo = PETSC_MAX_REAL;
  a->hi = b->hi = -PETSC_MAX_REAL;
  for (size_t i = 0; i < n; i++) {
    a->lo = PetscMin(a->lo, PetscMin(a->values[i], b->values[i]));
    a->hi = PetscMax(a->hi, PetscMax(a->values[i], b->values[i]));
  }
  b->lo     = a->lo;
  b->hi     = a->hi;
  a->ranged = b->ranged = PETSC_TRUE;
}

typedef struct {
  NomosGrid  grid;
  PetscInt   n, points, cin, cout, truth; /* truth: channels of the target, 0: there is none */
  PetscReal *x, *y, *t, *d;
} Samples;

static PetscErrorCode DrawSamples(const Samples *s, const char file[], const char folder[])
{
  const PetscInt cols = s->truth ? 4 : 2;
  NomosPanel    *p;
  char           path[2 * PETSC_MAX_PATH_LEN], stem[512], title[640];

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(s->n * cols, &p));
  for (PetscInt i = 0; i < s->n; i++) {
    NomosPanel      *row = p + i * cols;
    const PetscReal *y = s->y + i * s->cout * s->points, *t = s->t + i * s->cout * s->points;

    Panel(&s->grid, s->x + i * s->cin * s->points, "input", NOMOS_COLOURS_SEQUENTIAL, &row[0]);
    Panel(&s->grid, y, "prediction", NOMOS_COLOURS_SEQUENTIAL, &row[s->truth ? 2 : 1]);
    if (!s->truth) continue;
    for (PetscInt k = 0; k < s->points; k++) s->d[i * s->points + k] = y[k] - t[k];
    Panel(&s->grid, t, "truth", NOMOS_COLOURS_SEQUENTIAL, &row[1]);
    Panel(&s->grid, s->d + i * s->points, "prediction - truth", NOMOS_COLOURS_DIVERGING, &row[3]);
    Share(&row[1], &row[2]);
  }
  CliStem(file, PETSC_FALSE, stem, sizeof(stem));
  snprintf(path, sizeof(path), "%s/%s.png", folder, stem);
  snprintf(title, sizeof(title), "%s: first samples%s", stem, s->cin > 1 || s->cout > 1 ? ", first channels" : "");
  PetscCall(NomosPictureFields(path, title, s->n, cols, p));
  PetscCall(PetscFree(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first samples through the map, at their own resolution. The map's grid and batch change: this comes last in a run. */
static PetscErrorCode Evaluate(NomosMap map, NomosData data, Samples *s)
{
  PetscInt           idx[SHOWN], have;
  PetscScalar       *x;
  const PetscScalar *y;
  Vec                vx, vy;

  PetscFunctionBegin;
  PetscCall(NomosDataGetGrid(data, &s->grid));
  PetscCall(NomosDataGetSize(data, &have));
  PetscCall(NomosDataGetChannels(data, NULL, &s->truth));
  PetscCall(NomosMapGetChannels(map, &s->cin, &s->cout));
  s->n      = PetscMin(have, SHOWN);
  s->points = 1;
  for (PetscInt j = 0; j < s->grid.dim; j++) s->points *= s->grid.n[j];
  for (PetscInt i = 0; i < s->n; i++) idx[i] = i;
  PetscCall(PetscMalloc4(s->n * s->cin * s->points, &s->x, s->n * s->cout * s->points, &s->y, s->n * s->cout * s->points, &s->t, s->n * s->points, &s->d));
  PetscCall(NomosMapSetGrid(map, &s->grid));
  PetscCall(NomosMapSetBatch(map, s->n));
  PetscCall(NomosMapSetUp(map));
  PetscCall(NomosMapCreateVecs(map, &vx, NULL, &vy));
  PetscCall(NomosDataGetSamples(data, s->n, idx, s->x, s->truth ? s->t : NULL));
  PetscCall(VecGetArrayWrite(vx, &x));
  PetscCall(PetscArraycpy(x, s->x, s->n * s->cin * s->points));
  PetscCall(VecRestoreArrayWrite(vx, &x));
  PetscCall(NomosMapApply(map, vx, NULL, vy));
  PetscCall(VecGetArrayRead(vy, &y));
  PetscCall(PetscArraycpy(s->y, y, s->n * s->cout * s->points));
  PetscCall(VecRestoreArrayRead(vy, &y));
  PetscCall(VecDestroy(&vx));
  PetscCall(VecDestroy(&vy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliPictureSamples(Cli *cli, NomosMap map, NomosData data, const char file[], const char folder[])
{
  Samples     s = {.n = 0};
  NomosGrid   before;
  PetscInt    batch;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  PetscCall(NomosMapGetGrid(map, &before, NULL));
  PetscCall(NomosMapGetBatch(map, &batch));
  PetscCall(Evaluate(map, data, &s));
  if (rank == 0 && DrawSamples(&s, file, folder)) PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: the samples of '%s' could not be drawn in '%s'\n", file, folder));
  PetscCall(PetscFree4(s.x, s.y, s.t, s.d));
  PetscCall(NomosMapSetGrid(map, &before));
  PetscCall(NomosMapSetBatch(map, batch));
  PetscCall(NomosMapSetUp(map));
  PetscFunctionReturn(PETSC_SUCCESS);
}
