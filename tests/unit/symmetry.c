/* -data_symmetry: the losses of a run whose samples are turned are those on files whose fields were evaluated at the mirrored
   coordinates. The rate is 0, so that epochs differ by orientation alone. */
#include "nomostest.h"
#include <nomos.h>

#define N       5
#define SAMPLES 11
#define EPOCHS  9 /* the ninth is the first again */

static PetscReal Field(PetscBool input, PetscInt s, PetscReal x, PetscReal y)
{
  return input ? PetscSinReal(1 + 0.7 * s + 2 * x + 0.9 * y * y) : 1 + x * (0.4 + 0.1 * s) + y * y * y - 0.5 * x * y;
}

/* Coordinate that node i shows after a mirror (or none). open: node 0 has no partner and takes its neighbour's, or its own for an output. */
static PetscReal Coordinate(PetscBool open, PetscBool mirror, PetscBool input, PetscInt i)
{
  const PetscReal h = 1.0 / (open ? N : N - 1), x = h * (PetscReal)i;

  if (!mirror) return x;
  if (open && i == 0) return input ? 1 - h : 0;
  return 1 - x;
}

static PetscErrorCode Write(const char file[], PetscBool open, PetscInt epoch, PetscInt kinds)
{
  const char    *in = "a", *out = "u";
  const PetscInt one = 1;
  PetscScalar    v[2][N * N];
  NomosGrid      g;
  NomosData      d;
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMemzero(&g, sizeof(g)));
  g.dim    = 2;
  g.n[0]   = g.n[1] = N;
  g.length[0] = g.length[1] = 1;
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
  PetscCall(NomosDataWriteBegin(d, file, "test", &g, SAMPLES, 1, &in, &one, 1, &out, &one, NOMOS_DOUBLE));
  for (PetscInt s = 0; s < SAMPLES; s++) {
    const PetscInt o = epoch < 0 ? 0 : kinds == 2 ? (s + epoch) % 2 * 4 : (s + epoch) % 8;

    for (int side = 0; side < 2; side++)
      for (PetscInt i = 0; i < N; i++)
        for (PetscInt j = 0; j < N; j++) {
          const PetscReal a = Coordinate(open, o & 1 ? PETSC_TRUE : PETSC_FALSE, side ? PETSC_FALSE : PETSC_TRUE, i), b = Coordinate(open, o & 2 ? PETSC_TRUE : PETSC_FALSE, side ? PETSC_FALSE : PETSC_TRUE, j);

          v[side][i * N + j] = Field(side ? PETSC_FALSE : PETSC_TRUE, s, o & 4 ? b : a, o & 4 ? a : b);
        }
    PetscCall(NomosDataWriteSamples(d, s, rank ? 0 : 1, v[0], v[1]));
  }
  PetscCall(NomosDataWriteEnd(d));
  PetscCall(NomosDataDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f of the last step of a run of `epochs` full batches with the rate 0 */
static PetscErrorCode LastLoss(const char file[], const char symmetry[], PetscInt epochs, PetscReal *f)
{
  char                 options[512];
  NomosProblem         p;
  NomosTrainingSummary s;
  Tao                  tao;

  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscSNPrintf(options, sizeof(options), "-data %s -data_symmetry %s -data_batch %d -data_epochs %d -net_fno_modes 4,4 -net_fno_width 4 -net_fno_layers 1 -net_precision double -data_normalize_input 0 -data_normalize_output 0 -tao_adamw_lr 0 -nomos_progress none", file, symmetry, SAMPLES, (int)epochs));
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, &p));
  PetscCall(NomosProblemSetFromOptions(p));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, &s));
  *f = s.f;
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  const char *const names[] = {"transpose", "square", "square-open"};
  PetscReal         got, want, plain;

  PetscFunctionBegin;
  for (int k = 0; k < 3; k++)
    for (PetscInt e = 0; e < EPOCHS; e++) {
      PetscCall(Write("plain.h5", k == 2 ? PETSC_TRUE : PETSC_FALSE, -1, 8));
      PetscCall(Write("turned.h5", k == 2 ? PETSC_TRUE : PETSC_FALSE, e, k ? 8 : 2));
      PetscCall(LastLoss("plain.h5", names[k], e + 1, &got));
      PetscCall(LastLoss("turned.h5", "none", 1, &want));
      PetscCall(LastLoss("plain.h5", "none", 1, &plain));
      CheckClose(names[k], got, want, 1e-12 * want); /* some 1e3 roundings, added in another order */
      CheckTrue("turned samples have another loss", PetscAbsReal(plain - want) > 1e-6 * want);
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1 2
TEST*/
