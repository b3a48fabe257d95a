/* The errors of a report: closed forms on bounded and periodic axes, and the numbers stored with the trained model. */
#include <nomosimpl.h>
#include "golden.h"

#define CLOSED_FORM 1e-13 /* as unit/sobolev: transforms of at most some hundred points */

/* p - y = c cos(pi k (i + 1/2)/n): |.|_{H^s}^2 / |y|_{H^s}^2 with y of another mode of the same kind */
static PetscErrorCode ClosedForm(PetscBool periodic)
{
  NomosGrid   grid = {.dim = 2, .n = {9, 12}, .length = {1, 2}, .periodic = {PETSC_FALSE, periodic}};
  PetscScalar p[216], y[216];
  NomosReport report;
  NomosErrors e;

  PetscFunctionBegin;
  for (int i = 0; i < 9; i++)
    for (int j = 0; j < 12; j++)
      for (int c = 0; c < 2; c++) {
        const double other = periodic ? cos(2 * PETSC_PI * 3 * j / 12.) : cos(PETSC_PI * 3 * (j + 0.5) / 12);

        y[c * 108 + i * 12 + j] = cos(PETSC_PI * 2 * (i + 0.5) / 9) * other;
        p[c * 108 + i * 12 + j] = y[c * 108 + i * 12 + j] + 0.1 * cos(PETSC_PI * 4 * (i + 0.5) / 9) * other;
      }
  PetscCall(NomosReportCreate(&grid, 2, &report));
  PetscCall(NomosReportSample(report, p, y, &e));
  {
    const double other = PETSC_PI * PETSC_PI * (periodic ? 9. : 9. / 4), p2 = PETSC_PI * PETSC_PI; /* (2 pi 3/2)^2 or (pi 3/2)^2 */
    const double ratio = sqrt((1 + 16 * p2 + other) / (1 + 4 * p2 + other));

    CheckClose("rel_l2", e.rel_l2, 0.1, 1e-8); /* eps of the loss */
    CheckClose("rel_h1", e.rel_h1, 0.1 * ratio, CLOSED_FORM);
    CheckClose("rel_hm1", e.rel_hm1, 0.1 / ratio, CLOSED_FORM);
  }
  PetscCall(NomosReportSample(report, y, y, &e));
  CheckTrue("an exact prediction", e.rel_l2 == 0 && e.rel_h1 == 0 && e.rel_hm1 == 0 && e.rel_h1fd == 0);
  PetscCall(NomosReportDestroy(&report));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the first four samples of each test file, predicted by the trained model of the peer */
static PetscErrorCode Golden(hid_t file, const char which[], const char data[])
{
  char        path[128];
  size_t      n;
  int         rank;
  hsize_t     dims[8];
  double     *y, *target, *rows;
  NomosGrid   grid = {.dim = 2, .length = {1, 1}};
  NomosReport report;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "/%s/y", which);
  y = GoldenRead(file, path, &n, &rank, dims);
  snprintf(path, sizeof(path), "/%s/target", which);
  target = GoldenRead(file, path, &n, NULL, NULL);
  snprintf(path, sizeof(path), "/files/%s/per_sample", data); /* rel_l2, rel_h1fd, rel_h1, rel_hm1 */
  rows      = GoldenRead(file, path, &n, NULL, NULL);
  grid.n[0] = (PetscInt)dims[2];
  grid.n[1] = (PetscInt)dims[3];
  PetscCall(NomosReportCreate(&grid, 1, &report));
  for (size_t b = 0; b < 4; b++) {
    const size_t start = b * (size_t)(dims[2] * dims[3]);
    NomosErrors  e;

    PetscCall(NomosReportSample(report, y + start, target + start, &e));
    CheckClose("rel_l2", e.rel_l2, rows[4 * b], GOLDEN_TOL * rows[4 * b]);
    CheckClose("rel_h1fd", e.rel_h1fd, rows[4 * b + 1], GOLDEN_TOL * rows[4 * b + 1]);
    CheckClose("rel_h1", e.rel_h1, rows[4 * b + 2], GOLDEN_TOL * rows[4 * b + 2]);
    CheckClose("rel_hm1", e.rel_hm1, rows[4 * b + 3], GOLDEN_TOL * rows[4 * b + 3]);
  }
  PetscCall(NomosReportDestroy(&report));
  free(y);
  free(target);
  free(rows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  hid_t file;

  NomosTestBegin(argc, argv);
  PetscCall(ClosedForm(PETSC_FALSE));
  PetscCall(ClosedForm(PETSC_TRUE));
  file = GoldenOpen("tests/golden/darcy16_trained.h5");
  PetscCall(Golden(file, "case_0", "darcy16_test"));
  PetscCall(Golden(file, "case_1", "darcy32_test"));
  H5Fclose(file);
  return NomosTestEnd();
}
/*TEST
  np: 1
TEST*/
