/* The contract of every map, over the catalogue: adjoint identity, Taylor slope, Linearize = Apply, samples of a batch
   independent of each other, batch 0, odd and even grids, derivative with respect to a given field, changed and set back,
   viewed, destroyed before SetUp. A type that sets up on none of the grids below fails. With -nomos_backend cuda the same,
   and equal to the host. Run with -nomos_deterministic: a transform chosen by timing may change from SetUp to SetUp. */
#include <nomos.h>
#include <string.h>
#include "nomostest.h"

#define ADJOINT_TOL (512 * PETSC_MACHINE_EPSILON) /* two sums of up to some thousand products, relative to |F'd||w| */
#define SAME_TOL    (64 * PETSC_MACHINE_EPSILON)  /* the same operations in another batch or after another grid */
#define DEVICE_TOL  1e-12                         /* of the page: host and GPU in double */
#define SLOPE_TOL   0.1                           /* four halvings; the page allows 0.05 for polynomials of degree 2 and 3 only */
#define FIELD_TOL   1e-7                          /* of the page: central differences */

typedef struct {
  const char *family, *type;
} Entry;
static const Entry entries[] = {
#define NOMOS_TYPE(class, name, suffix, text)
#define NOMOS_MAP(family, name, suffix, text) {family, name},
#include "petsc_ext/catalogue.h"
};

static const NomosGrid grids[] = {
  {.dim = 1, .n = {9}, .length = {1}, .periodic = {PETSC_TRUE}},
  {.dim = 1, .n = {16}, .length = {2}, .periodic = {PETSC_TRUE}},
  {.dim = 2, .n = {8, 8}, .length = {1, 1}, .periodic = {PETSC_TRUE, PETSC_TRUE}},
  {.dim = 2, .n = {7, 10}, .length = {1, 2}},
  {.dim = 3, .n = {5, 4, 6}, .length = {1, 2, 0.5}},
};

/* reproducible numbers of order one that are nobody's symmetry */
static double Number(int stream, PetscInt i)
{
  return sin(1.7 * (stream + 1) + 2.3 * (double)i + 0.4 * sin(3.1 * (double)i + stream));
}

static PetscErrorCode Filled(PetscInt n, int stream, double mean, double scale, PetscInt from, Vec *v)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, n, v));
  PetscCall(VecGetArray(*v, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = mean + scale * Number(stream, from + i);
  PetscCall(VecRestoreArray(*v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What every known slot gets: entries per sample (or in all), and numbers that make sense there. */
static PetscErrorCode GiveFields(NomosMap m, PetscInt batch, PetscInt first, PetscInt points, PetscInt channels)
{
  static const struct {
    const char *name;
    int         kind; /* 0 points a sample, 1 fields of all channels, 2 a number per channel, 3 a number per sample */
    double      mean, scale;
  } known[] = {{"a", 0, 1.5, 0.5}, {"f", 0, 1, 0.3}, {"target", 1, 0.5, 1}, {"mean", 2, 0.2, 0.1}, {"std", 2, 1, 0.5}, {"weight", 3, 1, 0.2}};

  PetscFunctionBegin;
  for (int s = 0; s < 6; s++) {
    const PetscInt size = known[s].kind == 0 ? points : known[s].kind == 1 ? points * channels : known[s].kind == 2 ? channels : 1;
    const PetscInt n = known[s].kind == 2 ? size : size * batch, from = known[s].kind == 2 ? 0 : size * first;
    Vec            v;
    PetscErrorCode ierr;

    PetscCall(Filled(n, s, known[s].mean, known[s].scale, from, &v));
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL)); /* a type reads some of them */
    ierr = NomosMapSetField(m, known[s].name, v);
    PetscCall(PetscPopErrorHandler());
    CheckTrue("a slot is known or refused as such", ierr == PETSC_SUCCESS || ierr == PETSC_ERR_ARG_WRONG);
    PetscCall(VecDestroy(&v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* settings that a type cannot do without */
static PetscErrorCode Settings(NomosMap m, const Entry *e, const NomosGrid *grid)
{
  const char *const modes[] = {"3", "3,4", "2,3,4"};

  PetscFunctionBegin;
  if (!strcmp(e->family, "net")) PetscCall(NomosMapSetPrecision(m, NOMOS_DOUBLE));
  if (!strcmp(e->type, "fno")) {
    PetscCall(PetscOptionsSetValue(NULL, "-net_fno_modes", modes[grid->dim - 1]));
    PetscCall(PetscOptionsSetValue(NULL, "-net_fno_width", "5"));
    PetscCall(PetscOptionsSetValue(NULL, "-net_fno_layers", "2"));
    PetscCall(PetscOptionsSetValue(NULL, "-net_precision", "double"));
  }
  PetscCall(NomosMapSetFromOptions(m));
  if (!strcmp(e->type, "sobolev")) PetscCall(NomosMapSobolevSetOrder(m, grid->dim == 2 ? -0.5 : grid->dim == 1 ? 1 : 0, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Make(const Entry *e, const NomosGrid *grid, PetscInt batch, PetscInt channels, NomosMap *m)
{
  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, e->family, m));
  PetscCall(NomosMapSetType(*m, e->type));
  PetscCall(Settings(*m, e, grid));
  PetscCall(NomosMapSetGrid(*m, grid));
  PetscCall(NomosMapSetChannels(*m, channels, channels));
  PetscCall(NomosMapSetBatch(*m, batch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Does the type exist on this grid with so many channels? If not it says so with one of these codes. */
static PetscErrorCode Possible(const Entry *e, const NomosGrid *grid, PetscInt channels, PetscBool *possible)
{
  NomosMap       m;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(Make(e, grid, 1, channels, &m));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = NomosMapSetUp(m);
  PetscCall(PetscPopErrorHandler());
  *possible = ierr ? PETSC_FALSE : PETSC_TRUE;
  CheckTrue("what is not possible is refused as such", !ierr || ierr == PETSC_ERR_SUP || ierr == PETSC_ERR_ARG_OUTOFRANGE || ierr == PETSC_ERR_ARG_INCOMP || ierr == PETSC_ERR_ARG_SIZ);
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Distance(Vec a, Vec b, PetscReal *d)
{
  PetscReal n;
  Vec       w;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(a, &w));
  PetscCall(VecWAXPY(w, -1, a, b));
  PetscCall(VecNorm(w, NORM_2, d));
  PetscCall(VecNorm(a, NORM_2, &n));
  *d /= PetscMax(n, 1e-300);
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Derivatives(NomosMap m, Vec x, Vec p, const char name[])
{
  PetscReal adjoint, slope, d;
  Vec       y, z;

  PetscFunctionBegin;
  PetscCall(NomosMapCheck(m, x, p, &adjoint, &slope));
  CheckClose(name, adjoint, 0, ADJOINT_TOL);
  if (slope != PETSC_INFINITY) CheckClose(name, slope, 2, SLOPE_TOL);
  PetscCall(NomosMapCreateVecs(m, NULL, NULL, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(NomosMapApply(m, x, p, y));
  PetscCall(NomosMapLinearize(m, x, p, z));
  PetscCall(Distance(y, z, &d));
  CheckClose("Linearize = Apply", d, 0, SAME_TOL);
  PetscCall(NomosMapApplyTangent(m, NULL, NULL, y)); /* zero directions */
  PetscCall(VecNorm(y, NORM_2, &d));
  CheckClose("tangent of nothing", d, 0, 0);
  PetscCall(NomosMapApplyAdjoint(m, z, NULL, NULL)); /* nothing wanted */
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <F'_a^T w, d> against central differences of <w, F(x; a)> */
static PetscErrorCode FieldDerivative(NomosMap m, Vec x, Vec p)
{
  const PetscReal h = 1e-4; /* with values of order one: truncation 1e-8, rounding 1e-11 */
  Vec             a, g, y, w, d, ap, keep;
  PetscScalar     got, up, down;
  PetscReal       ng, nd, nw, ny2;
  PetscInt        n, ny;

  PetscFunctionBegin;
  PetscCall(NomosMapGetField(m, "a", &a));
  if (!a) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapCreateVecs(m, NULL, NULL, &y));
  PetscCall(VecGetSize(y, &ny));
  PetscCall(VecGetSize(a, &n));
  PetscCall(Filled(ny, 40, 0, 1, 0, &w));
  PetscCall(Filled(n, 41, 0, 1, 0, &d));
  PetscCall(NomosMapLinearize(m, x, p, y));
  PetscCall(NomosMapApplyAdjoint(m, w, NULL, NULL));
  PetscCall(NomosMapGetFieldAdjoint(m, "a", &g));
  if (g) {
    PetscCall(VecDot(g, d, &got));
    PetscCall(VecCopy(w, y)); /* the tangent adds: <w, w + F'_a d> */
    PetscCall(NomosMapAddFieldTangent(m, "a", d, y));
    PetscCall(VecDot(w, y, &up));
    PetscCall(VecNorm(w, NORM_2, &nw));
    PetscCall(VecNorm(y, NORM_2, &ny2));
    CheckClose("tangent and adjoint of a field", up - nw * nw, got, 50 * PETSC_MACHINE_EPSILON * nw * (ny2 + nw)); /* sums of up to some hundred numbers */
    PetscCall(VecNorm(g, NORM_2, &ng));
    PetscCall(VecNorm(d, NORM_2, &nd));
    PetscCall(VecDuplicate(a, &ap));
    keep = a;
    PetscCall(PetscObjectReference((PetscObject)keep));
    PetscCall(VecWAXPY(ap, h, d, a));
    PetscCall(NomosMapSetField(m, "a", ap));
    PetscCall(NomosMapApply(m, x, p, y));
    PetscCall(VecDot(w, y, &up));
    PetscCall(VecWAXPY(ap, -h, d, keep));
    PetscCall(NomosMapApply(m, x, p, y));
    PetscCall(VecDot(w, y, &down));
    CheckClose("derivative with respect to a field", got, (up - down) / (2 * h), FIELD_TOL * ng * nd);
    PetscCall(NomosMapSetField(m, "a", keep));
    PetscCall(VecDestroy(&keep));
    PetscCall(VecDestroy(&ap));
  }
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* value and adjoint on samples first..first+batch-1 */
static PetscErrorCode Evaluate(NomosMap m, PetscInt batch, PetscInt first, PetscInt points, PetscInt channels, Vec p, Vec *y, Vec *gx)
{
  Vec      x, w;
  PetscInt nx, ny;

  PetscFunctionBegin;
  PetscCall(NomosMapSetBatch(m, batch));
  PetscCall(GiveFields(m, batch, first, points, channels));
  PetscCall(NomosMapGetSizes(m, &nx, NULL, &ny));
  CheckInt("x is [batch][channels][points]", nx, batch * channels * points);
  PetscCall(Filled(nx, 20, 0, 1, batch ? nx / batch * first : 0, &x));
  PetscCall(Filled(ny, 21, 0, 1, batch ? ny / batch * first : 0, &w));
  PetscCall(VecDuplicate(w, y));
  PetscCall(VecDuplicate(x, gx));
  PetscCall(NomosMapLinearize(m, x, p, *y));
  PetscCall(NomosMapApplyAdjoint(m, w, *gx, NULL));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ComparePart(const char what[], Vec all, Vec one, PetscInt b, PetscReal tol)
{
  const PetscScalar *a, *o;
  PetscInt           n;
  double             d = 0, s = 0;

  PetscFunctionBegin;
  PetscCall(VecGetSize(one, &n));
  PetscCall(VecGetArrayRead(all, &a));
  PetscCall(VecGetArrayRead(one, &o));
  for (PetscInt i = 0; i < n; i++) d += PetscSqr(a[b * n + i] - o[i]), s += PetscSqr(o[i]);
  CheckClose(what, sqrt(d), 0, tol * sqrt(s));
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecRestoreArrayRead(one, &o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Batches(NomosMap m, const Entry *e, const NomosGrid *grid, PetscInt points, PetscInt channels, Vec p)
{
  NomosGrid other = *grid;
  Vec       y, gx, y1, gx1;
  PetscBool host;
  NomosBackend     backend;
  NomosBackendType type;

  PetscFunctionBegin;
  PetscCall(Evaluate(m, 3, 0, points, channels, p, &y, &gx));
  for (PetscInt b = 0; b < 3; b++) {
    PetscCall(Evaluate(m, 1, b, points, channels, p, &y1, &gx1));
    PetscCall(ComparePart("value of a batch = values of its samples", y, y1, b, SAME_TOL));
    PetscCall(ComparePart("adjoint of a batch = adjoints of its samples", gx, gx1, b, SAME_TOL));
    PetscCall(VecDestroy(&y1));
    PetscCall(VecDestroy(&gx1));
  }
  PetscCall(Evaluate(m, 0, 0, points, channels, p, &y1, &gx1)); /* an empty batch: no work, no error */
  PetscCall(VecDestroy(&y1));
  PetscCall(VecDestroy(&gx1));
  for (int j = 0; j < other.dim; j++) other.n[j] += 2;
  PetscCall(NomosMapSetGrid(m, &other));
  PetscCall(NomosMapSetUp(m));
  PetscCall(NomosMapSetGrid(m, grid));
  PetscCall(Evaluate(m, 3, 0, points, channels, p, &y1, &gx1));
  PetscCall(ComparePart("another grid and back", y, y1, 0, 0));
  PetscCall(ComparePart("another grid and back, adjoint", gx, gx1, 0, 0));
  PetscCall(VecDestroy(&y1));
  PetscCall(VecDestroy(&gx1));
  PetscCall(NomosMapGetBackend(m, &backend));
  PetscCall(NomosBackendGetType(backend, &type));
  PetscCall(PetscStrcmp(type, NOMOSBACKENDHOST, &host));
  if (!host) {
    PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &backend));
    PetscCall(NomosBackendSetType(backend, NOMOSBACKENDHOST));
    PetscCall(NomosMapSetBackend(m, backend));
    PetscCall(NomosBackendDestroy(&backend));
    PetscCall(Evaluate(m, 3, 0, points, channels, p, &y1, &gx1));
    PetscCall(ComparePart("host = device", y, y1, 0, DEVICE_TOL));
    PetscCall(ComparePart("host = device, adjoint", gx, gx1, 0, DEVICE_TOL));
    PetscCall(VecDestroy(&y1));
    PetscCall(VecDestroy(&gx1));
  }
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&gx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the option list rebuilds the map */
static PetscErrorCode ViewAndOptions(NomosMap m, const Entry *e)
{
  PetscViewer viewer;
  char       *text;
  PetscInt    before = 0;

  PetscFunctionBegin;
  PetscCall(PetscViewerCreate(PETSC_COMM_SELF, &viewer));
  PetscCall(PetscViewerSetType(viewer, PETSCVIEWERASCII));
  PetscCall(PetscViewerFileSetMode(viewer, FILE_MODE_WRITE));
  PetscCall(PetscViewerFileSetName(viewer, "map_view.txt"));
  PetscCall(NomosMapView(m, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  {
    FILE *f = fopen("map_view.txt", "r");
    char  line[512];

    while (f && fgets(line, sizeof(line), f)) before += strstr(line, e->type) ? 1 : 0;
    if (f) fclose(f);
  }
  CheckTrue("the view names the type", before > 0);
  PetscCall(NomosMapGetOptions(m, &text));
  CheckTrue("the option list names the type", strstr(text, e->type) != NULL);
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneCase(const Entry *e, const NomosGrid *grid, PetscInt channels)
{
  NomosMap m;
  Vec      x, p = NULL;
  PetscInt points = 1, np, nx;
  char     name[128];

  PetscFunctionBegin;
  for (int j = 0; j < grid->dim; j++) points *= grid->n[j];
  snprintf(name, sizeof(name), "%s %s, %d-D, %d channels", e->family, e->type, (int)grid->dim, (int)channels);
  PetscCall(Make(e, grid, 2, channels, &m));
  PetscCall(GiveFields(m, 2, 0, points, channels));
  PetscCall(NomosMapSetUp(m));
  PetscCall(NomosMapSetUp(m)); /* again: nothing happens */
  PetscCall(NomosMapGetSizes(m, &nx, &np, NULL));
  PetscCall(Filled(nx, 20, 0, 1, 0, &x));
  if (np) {
    PetscCall(NomosMapCreateVecs(m, NULL, &p, NULL));
    PetscCall(NomosMapInitializeParameters(m, 1, p));
  }
  PetscCall(Derivatives(m, x, p, name));
  PetscCall(FieldDerivative(m, x, p));
  PetscCall(Batches(m, e, grid, points, channels, p));
  PetscCall(ViewAndOptions(m, e));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OneType(const Entry *e)
{
  NomosMap m;
  int      cases = 0;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, e->family, &m)); /* destroyed before anything */
  PetscCall(NomosMapSetType(m, e->type));
  PetscCall(NomosMapDestroy(&m));
  for (size_t g = 0; g < sizeof(grids) / sizeof(grids[0]); g++)
    for (PetscInt c = 1; c <= 2; c++) {
      PetscBool possible = PETSC_FALSE;

      PetscCall(Possible(e, &grids[g], c, &possible));
      if (!possible) continue;
      cases++;
      PetscCall(OneCase(e, &grids[g], c));
    }
  CheckTrue(e->type, cases > 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosBackend   backend;
  PetscErrorCode ierr;

  NomosTestBegin(argc, argv);
  PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &backend));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = NomosBackendSetFromOptions(backend);
  PetscCall(PetscPopErrorHandler());
  PetscCall(NomosBackendDestroy(&backend));
  if (ierr) return NomosTestSkip("no such backend here");
  for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
    if (strcmp(entries[i].family, "chain")) PetscCall(OneType(&entries[i]));
  return NomosTestEnd();
}
/*TEST
  np: 1 args: -nomos_deterministic
  np: 1 args: -nomos_deterministic -nomos_backend cuda label: cuda
TEST*/
