/*
  compare.c - nomos check MODEL -reference REF.h5: outputs, losses and gradients of a model against stored ones
  (nomos-reference/1, tests/golden/README.md), all in physical units.

  Relative 2-norm per tensor. A tensor that is zero in the reference is measured against the norm of the whole gradient. A
  loss is compared as a number and counts as forward. The losses are those that the file names; -loss_* is ignored.
*/
#include "cli.h"
#include <stdio.h>
#include <string.h>

#define PATH_LEN 512

typedef struct {
  Cli        *cli;
  const char *file;
  NomosMap    net;
  NomosGrid   grid;
  PetscInt    batch, channels;
  PetscReal   forward, gradient; /* the worst */
} Compare;

static PetscReal Norm(PetscInt n, const PetscReal v[])
{
  PetscReal s = 0;

  for (PetscInt i = 0; i < n; i++) s += v[i] * v[i];
  return PetscSqrtReal(s);
}

/* |got - want| / |want|; infinite where a number is none */
static PetscReal Distance(PetscInt n, const PetscScalar got[], const PetscReal want[], PetscReal instead)
{
  const PetscReal size = Norm(n, want);
  PetscReal       s = 0;

  for (PetscInt i = 0; i < n; i++) s += (got[i] - want[i]) * (got[i] - want[i]);
  s = PetscSqrtReal(s) / (size > 0 ? size : instead > 0 ? instead : 1);
  return PetscIsInfOrNanReal(s) ? PETSC_INFINITY : s;
}

static PetscErrorCode Read(Compare *c, const char group[], const char name[], PetscInt expected, PetscReal *values[])
{
  char     path[PATH_LEN];
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s%s%s", group, name[0] ? "/" : "", name));
  PetscCall(NomosFileGetArray(c->cli->comm, c->file, path, NULL, NULL, &n, values));
  PetscCheck(n == expected, c->cli->comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' of '%s' has %" PetscInt_FMT " values, the model has %" PetscInt_FMT " there: is it the right model?", path, c->file, n, expected);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- losses -------------------------------------------------------------------------------------------------------- */
static PetscErrorCode MakeLoss(Compare *c, const char name[], const PetscReal target[], NomosMap *loss)
{
  static const struct {
    const char *name, *type;
    PetscReal   s;
  } known[] = {{"l2", NOMOSSOBOLEV, 0}, {"hs_m1", NOMOSSOBOLEV, -1}, {"hs_p1", NOMOSSOBOLEV, 1}, {"h1fd", NOMOSH1FD, 0}};
  int          k;
  PetscInt     n;
  PetscScalar *t;
  Vec          v;

  PetscFunctionBegin;
  for (k = 0; k < 4 && strcmp(name, known[k].name); k++) { }
  PetscCheck(k < 4, c->cli->comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' has values of the loss '%s'; known are l2, hs_m1, hs_p1, h1fd", c->file, name);
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "loss", loss));
  PetscCall(NomosMapSetType(*loss, known[k].type));
  if (k < 3) PetscCall(NomosMapSobolevSetOrder(*loss, known[k].s, 1));
  PetscCall(NomosMapSetGrid(*loss, &c->grid));
  PetscCall(NomosMapSetChannels(*loss, c->channels, c->channels));
  PetscCall(NomosMapSetBatch(*loss, c->batch));
  PetscCall(NomosMapSetUp(*loss));
  PetscCall(NomosMapGetSizes(*loss, &n, NULL, NULL));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, &v));
  PetscCall(VecGetArrayWrite(v, &t));
  for (PetscInt i = 0; i < n; i++) t[i] = target[i];
  PetscCall(VecRestoreArrayWrite(v, &t));
  PetscCall(NomosMapSetField(*loss, "target", v));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f = (1/B) sum over segments of |r_g|; gy its gradient with respect to the output */
static PetscErrorCode EvaluateLoss(Compare *c, NomosMap loss, Vec y, PetscReal *f, Vec gy)
{
  PetscInt     segments, size;
  PetscScalar *r;
  Vec          v;

  PetscFunctionBegin;
  PetscCall(NomosMapGetSegments(loss, &segments, &size));
  PetscCall(NomosMapCreateVecs(loss, NULL, NULL, &v));
  PetscCall(NomosMapLinearize(loss, y, NULL, v));
  PetscCall(VecGetArray(v, &r));
  *f = 0;
  for (PetscInt g = 0; g < segments; g++) {
    const PetscReal norm = Norm(size, r + g * size);

    *f += norm / (PetscReal)c->batch;
    for (PetscInt i = 0; i < size; i++) r[g * size + i] = norm > 0 ? r[g * size + i] / (norm * (PetscReal)c->batch) : 0;
  }
  PetscCall(VecRestoreArray(v, &r));
  PetscCall(NomosMapApplyAdjoint(loss, v, gy, NULL));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- gradients ----------------------------------------------------------------------------------------------------- */
static PetscErrorCode CompareBlocks(Compare *c, const char group[], Vec dp)
{
  const PetscScalar *g;
  PetscReal        **want, all = 0, worst = 0;
  PetscInt           n, where = 0;
  NomosBlock         b;

  PetscFunctionBegin;
  PetscCall(NomosMapGetNumBlocks(c->net, &n));
  PetscCall(PetscMalloc1(n, &want));
  for (PetscInt i = 0; i < n; i++) {
    PetscReal norm;

    PetscCall(NomosMapGetBlock(c->net, i, &b));
    PetscCall(Read(c, group, b.name, b.size, &want[i]));
    norm = Norm(b.size, want[i]);
    all += norm * norm;
  }
  PetscCall(VecGetArrayRead(dp, &g));
  for (PetscInt i = 0; i < n; i++) {
    PetscReal d;

    PetscCall(NomosMapGetBlock(c->net, i, &b));
    d = Distance(b.size, g + b.start, want[i], PetscSqrtReal(all));
    if (d > worst) worst = d, where = i;
    PetscCall(PetscFree(want[i]));
  }
  PetscCall(VecRestoreArrayRead(dp, &g));
  PetscCall(PetscFree(want));
  PetscCall(NomosMapGetBlock(c->net, where, &b));
  PetscCall(PetscPrintf(c->cli->comm, "%s tensors=%" PetscInt_FMT " worst=%s %.2g\n", group + 1, n, b.name, (double)worst));
  c->gradient = PetscMax(c->gradient, worst);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CompareInput(Compare *c, const char path[], Vec dx)
{
  const PetscScalar *g;
  PetscReal         *want, d;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(dx, &n));
  PetscCall(Read(c, path, "", n, &want));
  PetscCall(VecGetArrayRead(dx, &g));
  d = Distance(n, g, want, 0);
  PetscCall(VecRestoreArrayRead(dx, &g));
  PetscCall(PetscFree(want));
  PetscCall(PetscPrintf(c->cli->comm, "%s %.2g\n", path + 1, (double)d));
  c->gradient = PetscMax(c->gradient, d);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Has(Compare *c, const char group[], const char name[], PetscBool *has)
{
  PetscInt    n;
  char       *names;
  const char *at;

  PetscFunctionBegin;
  *has = PETSC_FALSE;
  PetscCall(NomosFileListGroup(c->cli->comm, c->file, group, &n, &names));
  at = names;
  for (PetscInt i = 0; i < n; i++, at += strlen(at) + 1)
    if (!strcmp(at, name)) *has = PETSC_TRUE;
  PetscCall(PetscFree(names));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- a case -------------------------------------------------------------------------------------------------------- */
static PetscErrorCode OneLoss(Compare *c, const char cs[], const char name[], const PetscReal target[], Vec x, Vec y)
{
  NomosMap   loss;
  Vec        gy, dx, dp;
  PetscReal  f, d, *want;
  char       path[PATH_LEN], grad[PATH_LEN];
  PetscBool  has[2];

  PetscFunctionBegin;
  PetscCall(MakeLoss(c, name, target, &loss));
  PetscCall(VecDuplicate(y, &gy));
  PetscCall(EvaluateLoss(c, loss, y, &f, gy));
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/loss", cs));
  PetscCall(Read(c, path, name, 1, &want));
  d = Distance(1, &f, want, 0);
  PetscCall(PetscFree(want));
  c->forward = PetscMax(c->forward, d);
  PetscCall(PetscPrintf(c->cli->comm, "%s/%s %.2g\n", path + 1, name, (double)d));
  PetscCall(PetscSNPrintf(grad, sizeof(grad), "%s/grad", cs));
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/grad_input", cs));
  PetscCall(Has(c, grad, name, &has[0]));
  PetscCall(Has(c, path, name, &has[1]));
  if (has[0] || has[1]) {
    PetscCall(VecDuplicate(x, &dx));
    PetscCall(NomosMapCreateVecs(c->net, NULL, &dp, NULL));
    PetscCall(NomosMapApplyAdjoint(c->net, gy, dx, dp));
    PetscCall(PetscSNPrintf(grad, sizeof(grad), "%s/grad/%s", cs, name));
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/grad_input/%s", cs, name));
    if (has[0]) PetscCall(CompareBlocks(c, grad, dp));
    if (has[1]) PetscCall(CompareInput(c, path, dx));
    PetscCall(VecDestroy(&dx));
    PetscCall(VecDestroy(&dp));
  }
  PetscCall(VecDestroy(&gy));
  PetscCall(NomosMapDestroy(&loss));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Grid and batch from the shape of x: [B][C][n1]..[nd], a periodic unit box */
static PetscErrorCode Place(Compare *c, const char path[], PetscReal **x)
{
  PetscInt rank, shape[8], cin;

  PetscFunctionBegin;
  PetscCall(NomosFileGetArray(c->cli->comm, c->file, path, &rank, shape, NULL, x));
  PetscCheck(rank >= 3 && rank <= 2 + NOMOS_MAX_DIM, c->cli->comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' of '%s' has %" PetscInt_FMT " axes, expected sample, channel and 1 to 3 of space", path, c->file, rank);
  PetscCall(NomosMapGetChannels(c->net, &cin, &c->channels));
  PetscCheck(shape[1] == cin, c->cli->comm, PETSC_ERR_ARG_INCOMP, "'%s' of '%s' has %" PetscInt_FMT " channels, the model takes %" PetscInt_FMT ": is it the right model?", path, c->file, shape[1], cin);
  PetscCall(PetscMemzero(&c->grid, sizeof(c->grid)));
  c->batch    = shape[0];
  c->grid.dim = rank - 2;
  for (PetscInt j = 0; j < c->grid.dim; j++) {
    c->grid.n[j]        = shape[2 + j];
    c->grid.length[j]   = 1;
    c->grid.periodic[j] = PETSC_TRUE;
  }
  PetscCall(NomosMapSetGrid(c->net, &c->grid));
  PetscCall(NomosMapSetBatch(c->net, c->batch));
  PetscCall(NomosMapSetUp(c->net));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneCase(Compare *c, const char cs[])
{
  char               path[PATH_LEN], *names;
  const char        *name;
  PetscReal         *values, *target, d;
  const PetscScalar *got;
  PetscScalar       *in;
  PetscInt           n, nx, ny;
  Vec                x, y;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/x", cs));
  PetscCall(Place(c, path, &values));
  PetscCall(NomosMapGetSizes(c->net, &nx, NULL, &ny));
  PetscCall(NomosMapCreateVecs(c->net, &x, NULL, &y));
  PetscCall(VecGetArrayWrite(x, &in));
  for (PetscInt i = 0; i < nx; i++) in[i] = values[i];
  PetscCall(VecRestoreArrayWrite(x, &in));
  PetscCall(PetscFree(values));
  PetscCall(NomosMapLinearize(c->net, x, NULL, y));
  PetscCall(Read(c, cs, "y", ny, &values));
  PetscCall(VecGetArrayRead(y, &got));
  d = Distance(ny, got, values, 0);
  PetscCall(VecRestoreArrayRead(y, &got));
  PetscCall(PetscFree(values));
  c->forward = PetscMax(c->forward, d);
  PetscCall(PetscPrintf(c->cli->comm, "%s/y %.2g\n", cs + 1, (double)d));
  PetscCall(Read(c, cs, "target", ny, &target));
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/loss", cs));
  PetscCall(NomosFileListGroup(c->cli->comm, c->file, path, &n, &names));
  name = names;
  for (PetscInt i = 0; i < n; i++, name += strlen(name) + 1) PetscCall(OneLoss(c, cs, name, target, x, y));
  PetscCall(PetscFree(names));
  PetscCall(PetscFree(target));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- all cases ------------------------------------------------------------------------------------------------------ */
static PetscErrorCode Tolerances(Cli *cli, NomosPrecision precision, PetscReal *forward, PetscReal *gradient)
{
  PetscFunctionBegin;
  *forward  = precision == NOMOS_SINGLE ? 1e-5 : 1e-12;
  *gradient = precision == NOMOS_SINGLE ? 1e-4 : 1e-10;
  PetscOptionsBegin(cli->comm, NULL, "nomos check -reference", "nomos");
  PetscCall(PetscOptionsBoundedReal("-check_forward_rtol", "Largest relative distance of outputs and losses, not negative (single 1e-5, double 1e-12)", "nomos", *forward, forward, NULL, 0));
  PetscCall(PetscOptionsBoundedReal("-check_gradient_rtol", "Largest relative distance of gradients, not negative (single 1e-4, double 1e-10)", "nomos", *gradient, gradient, NULL, 0));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CompareCases(Compare *c)
{
  char     *names, cs[PATH_LEN], kind[64];
  PetscInt  n, cases = 0;

  PetscFunctionBegin;
  PetscCall(NomosFileGetString(c->cli->comm, c->file, "/", "kind", kind, sizeof(kind), NULL));
  PetscCheck(!strcmp(kind, "model"), c->cli->comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' holds reference values of the kind '%s', expected model", c->file, kind);
  PetscCall(NomosFileListGroup(c->cli->comm, c->file, "/", &n, &names));
  for (const char *name = names; n > 0; n--, name += strlen(name) + 1) {
    if (strncmp(name, "case_", 5)) continue;
    PetscCall(PetscSNPrintf(cs, sizeof(cs), "/%s", name));
    PetscCall(OneCase(c, cs));
    cases++;
  }
  PetscCall(PetscFree(names));
  PetscCheck(cases, c->cli->comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' has no case to compare with", c->file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliCompare(Cli *cli, const char model[], const char reference[])
{
  Compare        c = {.cli = cli, .file = reference};
  NomosPrecision precision = NOMOS_SINGLE;
  PetscReal      forward, gradient;

  PetscFunctionBegin;
  if (cli->help) {
    PetscCall(Tolerances(cli, precision, &forward, &gradient));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosMapLoad(cli->comm, model, &c.net));
  PetscCall(NomosMapGetPrecision(c.net, &precision));
  PetscCall(Tolerances(cli, precision, &forward, &gradient));
  PetscCall(CliOptionsDone(cli));
  PetscCall(CompareCases(&c));
  PetscCall(NomosMapDestroy(&c.net));
  PetscCall(PetscPrintf(cli->comm, "check: forward %.2g gradient %.2g\n", (double)c.forward, (double)c.gradient));
  if (!(c.forward <= forward && c.gradient <= gradient)) {
    PetscCall(PetscFPrintf(cli->comm, PETSC_STDERR, "nomos: '%s' does not reproduce '%s': expected forward <= %g (-check_forward_rtol) and gradient <= %g (-check_gradient_rtol)\n", model, reference, (double)forward, (double)gradient));
    cli->status = 1;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
