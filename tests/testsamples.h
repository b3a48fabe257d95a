/* testsamples.h - a small data set, and a problem that trains a map on it. */
#ifndef TESTSAMPLES_H
#define TESTSAMPLES_H
#include <nomos.h>

/* Samples of a formula: two input channels, two output channels on n1 x n2 points. */
static PetscErrorCode WriteSamples(const char file[], PetscInt samples, PetscInt n1, PetscInt n2)
{
  const char *in = "a", *out = "u";
  const PetscInt two = 2, points = n1 * n2;
  NomosGrid   g;
  NomosData   d;
  PetscScalar *x, *y;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMemzero(&g, sizeof(g)));
  g.dim  = 2;
  g.n[0] = n1;
  g.n[1] = n2;
  g.length[0] = g.length[1] = 1;
  PetscCall(PetscMalloc2(2 * points, &x, 2 * points, &y));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
  PetscCall(NomosDataWriteBegin(d, file, "test", &g, samples, 1, &in, &two, 1, &out, &two, NOMOS_DOUBLE));
  for (PetscInt s = 0; s < samples; s++) {
    for (PetscInt i = 0; i < points; i++) {
      const PetscReal a = PetscSinReal(0.3 + 1.7 * (PetscReal)s + 6.0 * (PetscReal)(i / n2) / (PetscReal)n1), b = PetscCosReal(1.1 * (PetscReal)s + 5.0 * (PetscReal)(i % n2) / (PetscReal)n2);

      x[i]          = a;
      x[points + i] = b;
      y[i]          = 2 * a - b + 0.3 * a * b + 1;
      y[points + i] = 0.5 * a + b * b - 2;
    }
    PetscCall(NomosDataWriteSamples(d, s, rank ? 0 : 1, x, y));
  }
  PetscCall(NomosDataWriteEnd(d));
  PetscCall(NomosDataDestroy(&d));
  PetscCall(PetscFree2(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A problem with a net on a file, set from the options. */
static PetscErrorCode MakeProblemOf(const char file[], NomosMap net, NomosProblem *p)
{
  NomosData d;

  PetscFunctionBegin;
  PetscCall(NomosProblemCreate(PetscObjectComm((PetscObject)net), p));
  PetscCall(NomosProblemSetMap(*p, net));
  PetscCall(NomosDataCreate(PetscObjectComm((PetscObject)net), &d));
  PetscCall(NomosDataSetFiles(d, 1, &file));
  PetscCall(NomosProblemSetData(*p, d));
  PetscCall(NomosDataDestroy(&d));
  PetscCall(NomosProblemSetFromOptions(*p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif
