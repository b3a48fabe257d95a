/*
  report.c - the errors that a report shows, measured with the losses themselves.

  A field on a bounded axis is reflected, v_0 .. v_{n-1} v_{n-1} .. v_0 on twice the length: the H^s norm of the reflected,
  periodic field by FFT is the one that the cosine transform DCT-II gives (docs/theory.md, bounded domains).
*/
#include "../nomosimpl.h"

typedef enum {
  L2   = 0,
  H1   = 1,
  HM1  = 2,
  DIFF = 3,
  NORMS = 4
} ReportNorm;

struct _n_NomosReport {
  NomosGrid    grid, reflected;
  PetscInt     channels, points, rpoints;
  PetscBool    spectral;        /* a transform of this size exists */
  NomosBackend backend;         /* the host's, whatever the run uses */
  NomosMap     loss[NORMS];
  Vec          p, y, zero;      /* reflected prediction and truth */
  Vec          pd, yd;          /* as they are, for the differences */
  Vec          out[NORMS];
};

static PetscErrorCode MakeLoss(NomosReport r, ReportNorm which, const NomosGrid *grid, PetscBool relative)
{
  static const PetscReal order[NORMS] = {0, 1, -1, 0};
  NomosMap               m;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "loss", &m));
  r->loss[which] = m;
  PetscCall(NomosMapSetType(m, which == DIFF ? NOMOSH1FD : NOMOSSOBOLEV));
  PetscCall(NomosMapSetBackend(m, r->backend));
  PetscCall(NomosMapSobolevSetOrder(m, order[which], 1));
  PetscCall(NomosMapLossSetRelative(m, relative));
  PetscCall(NomosMapSetGrid(m, grid));
  PetscCall(NomosMapSetChannels(m, r->channels, r->channels));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode HaveTransform(const NomosGrid *g, PetscBool *have)
{
  PetscFunctionBegin;
  *have = PETSC_TRUE;
#if !defined(NOMOS_HAVE_FFTW)
  for (PetscInt j = 0; j < g->dim; j++)
    if (g->n[j] > 512) *have = PETSC_FALSE;
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosReportCreate(const NomosGrid *grid, PetscInt channels, NomosReport *report)
{
  NomosReport r;

  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  PetscCall(PetscNew(&r));
  *report      = r;
  r->grid      = *grid;
  r->reflected = *grid;
  r->channels  = channels;
  for (PetscInt j = 0; j < grid->dim; j++)
    if (!grid->periodic[j]) r->reflected.n[j] *= 2, r->reflected.length[j] *= 2, r->reflected.periodic[j] = PETSC_TRUE;
  PetscCall(NomosGridPoints(grid, &r->points));
  PetscCall(NomosGridPoints(&r->reflected, &r->rpoints));
  PetscCall(HaveTransform(&r->reflected, &r->spectral));
  PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &r->backend));
  PetscCall(NomosBackendSetType(r->backend, NOMOSBACKENDHOST));
  PetscCall(MakeLoss(r, L2, &r->reflected, PETSC_FALSE));
  PetscCall(MakeLoss(r, DIFF, &r->grid, PETSC_TRUE));
  for (int n = H1; r->spectral && n <= HM1; n++) PetscCall(MakeLoss(r, (ReportNorm)n, &r->reflected, PETSC_FALSE));
  for (int n = 0; n < NORMS; n++)
    if (r->loss[n]) PetscCall(NomosMapCreateVecs(r->loss[n], NULL, NULL, &r->out[n]));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, channels * r->rpoints, &r->p));
  PetscCall(VecDuplicate(r->p, &r->y));
  PetscCall(VecDuplicate(r->p, &r->zero));
  PetscCall(VecSet(r->zero, 0));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, channels * r->points, &r->pd));
  PetscCall(VecDuplicate(r->pd, &r->yd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Reflect(NomosReport r, const PetscScalar in[], Vec out, Vec plain)
{
  PetscScalar *v;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(plain, &v));
  PetscCall(PetscArraycpy(v, in, r->channels * r->points));
  PetscCall(VecRestoreArrayWrite(plain, &v));
  PetscCall(VecGetArrayWrite(out, &v));
  for (PetscInt c = 0; c < r->channels; c++)
    for (PetscInt i = 0; i < r->rpoints; i++) {
      PetscInt rest = i, from = 0, stride = 1;

      for (PetscInt j = r->grid.dim - 1; j >= 0; j--) {
        PetscInt k = rest % r->reflected.n[j];

        rest /= r->reflected.n[j];
        if (k >= r->grid.n[j]) k = r->reflected.n[j] - 1 - k;
        from += stride * k;
        stride *= r->grid.n[j];
      }
      v[c * r->rpoints + i] = in[c * r->points + from];
    }
  PetscCall(VecRestoreArrayWrite(out, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |p - y| as the loss measures it, one sample: the root of the sum of squares of its segments, or the sum of their norms */
static PetscErrorCode Measure(NomosMap loss, Vec p, Vec y, Vec out, PetscBool sum, PetscReal *norm)
{
  PetscInt           segments, size;
  const PetscScalar *v;

  PetscFunctionBegin;
  PetscCall(NomosMapSetField(loss, "target", y));
  PetscCall(NomosMapGetSegments(loss, &segments, &size));
  PetscCall(NomosMapApply(loss, p, NULL, out));
  PetscCall(VecGetArrayRead(out, &v));
  *norm = 0;
  for (PetscInt g = 0; g < segments; g++) {
    PetscReal s = 0;

    for (PetscInt i = 0; i < size; i++) s += PetscSqr(PetscRealPart(v[g * size + i]));
    *norm += sum ? PetscSqrtReal(s) : s;
  }
  if (!sum) *norm = PetscSqrtReal(*norm);
  PetscCall(VecRestoreArrayRead(out, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosReportSample(NomosReport r, const PetscScalar p[], const PetscScalar y[], NomosErrors *e)
{
  PetscReal error[NORMS], truth[NORMS], volume = 1;

  PetscFunctionBegin;
  for (PetscInt j = 0; j < r->grid.dim; j++) volume *= r->reflected.length[j];
  PetscCall(Reflect(r, p, r->p, r->pd));
  PetscCall(Reflect(r, y, r->y, r->yd));
  for (int n = 0; n <= HM1; n++) {
    error[n] = truth[n] = NAN;
    if (!r->loss[n]) continue;
    PetscCall(Measure(r->loss[n], r->p, r->y, r->out[n], PETSC_FALSE, &error[n]));
    PetscCall(Measure(r->loss[n], r->y, r->zero, r->out[n], PETSC_FALSE, &truth[n]));
  }
  PetscCall(Measure(r->loss[DIFF], r->pd, r->yd, r->out[DIFF], PETSC_TRUE, &e->rel_h1fd));
  e->rel_l2  = error[L2] / (truth[L2] + 1e-8 * PetscSqrtReal(volume)); /* as the loss has it: eps beside the mean over points */
  e->rel_h1  = error[H1] / truth[H1];
  e->rel_hm1 = error[HM1] / truth[HM1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosReportDestroy(NomosReport *report)
{
  NomosReport r = *report;

  PetscFunctionBegin;
  if (!r) PetscFunctionReturn(PETSC_SUCCESS);
  for (int n = 0; n < NORMS; n++) {
    PetscCall(NomosMapDestroy(&r->loss[n]));
    PetscCall(VecDestroy(&r->out[n]));
  }
  PetscCall(NomosBackendDestroy(&r->backend));
  PetscCall(VecDestroy(&r->p));
  PetscCall(VecDestroy(&r->y));
  PetscCall(VecDestroy(&r->zero));
  PetscCall(VecDestroy(&r->pd));
  PetscCall(VecDestroy(&r->yd));
  PetscCall(PetscFree(r));
  *report = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}
