/* Ranks that share one working copy of a net's parameters give the f and the gradient of ranks that do not; and the queue of
   spectra behind the gradients gives the sum of gradients taken one by one. */
#include "problem/problem.h"
#include "nomostest.h"
#include "testsamples.h"

#define SAMPLES 13

typedef struct {
  const char *net;
  PetscBool   shares;
} Case;
static const Case cases[] = {
  {"-net_type fno -net_fno_modes 4,3 -net_fno_width 6 -net_fno_layers 2", PETSC_TRUE},
  {"-net_type fno -net_fno_modes 9,9 -net_fno_width 5 -net_fno_layers 3 -net_fno_norm group", PETSC_TRUE}, /* more modes than a block of 16 */
  {"-net_type fno -net_fno_modes 3,2 -net_fno_width 7 -net_fno_layers 2 -net_fno_block li", PETSC_TRUE},   /* corner: two tensors a layer */
  {"-net_type fno -net_fno_modes 5,4 -net_fno_width 4 -net_fno_layers 2 -net_fno_padding 0.25 -net_fno_stabilizer tanh", PETSC_TRUE},
  {"-net_type fno -net_fno_modes 4,4 -net_fno_width 6 -net_fno_layers 2 -net_fno_factorization tucker -net_fno_rank 0.5", PETSC_FALSE},
  {"-net_type fno -net_fno_modes 4,4 -net_fno_width 6 -net_fno_layers 2 -net_fno_separable", PETSC_FALSE},
};

static PetscErrorCode Make(const char options[], PetscInt chunk, PetscBool shared, NomosProblem *p)
{
  PetscOptions own;
  NomosMap     net;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_WORLD, "net", &net));
  PetscCall(PetscOptionsCreate(&own));
  PetscCall(PetscOptionsInsertString(own, options));
  PetscCall(PetscObjectSetOptions((PetscObject)net, own));
  PetscCall(NomosMapSetFromOptions(net));
  PetscCall(PetscObjectSetOptions((PetscObject)net, NULL));
  PetscCall(PetscOptionsDestroy(&own));
  PetscCall(NomosMapSetPrecision(net, NOMOS_DOUBLE));
  PetscCall(MakeProblemOf("team.h5", net, p));
  PetscCall(NomosMapDestroy(&net));
  PetscCall(NomosProblemSetChunk(*p, chunk));
  PetscCall(NomosProblemSetSharedMemory(*p, shared));
  PetscCall(NomosProblemSetUp(*p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* one batch by both; between two of them the net is applied, and f taken without a gradient: the team's memory is theirs no more */
static PetscErrorCode Compare(const Case *c, NomosProblem team, NomosProblem alone, PetscInt n, const PetscInt idx[])
{
  Vec       theta, other, g, h;
  PetscReal f, want, only, norm, diff;
  char      what[300];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %d samples", c->net, (int)n));
  PetscCall(NomosProblemGetParameters(team, &theta));
  PetscCall(NomosProblemGetParameters(alone, &other));
  PetscCall(VecCopy(theta, other));
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(VecDuplicate(theta, &h));
  PetscCall(NomosProblemSetSamples(team, n, idx));
  PetscCall(NomosProblemSetSamples(alone, n, idx));
  PetscCall(NomosProblemObjectiveGradient(team, theta, &f, g));
  PetscCall(NomosProblemObjectiveGradient(alone, other, &want, h));
  PetscCall(NomosProblemObjectiveGradient(team, theta, &only, NULL));
  CheckClose(what, f, want, 8 * PETSC_MACHINE_EPSILON * want); /* the same samples on the same ranks: nothing differs but how the sum is cut */
  CheckClose(what, only, want, 8 * PETSC_MACHINE_EPSILON * want);
  PetscCall(VecNorm(h, NORM_2, &norm));
  PetscCall(VecAXPY(h, -1, g));
  PetscCall(VecNorm(h, NORM_2, &diff));
  CheckTrue("the gradient is not zero", norm > 1e-6);
  CheckClose(what, diff / norm, 0, 100 * PETSC_MACHINE_EPSILON); /* sums over the same 13 samples in another order */
  PetscCall(VecAXPY(theta, -0.1 / norm, g)); /* what was shared must follow theta */
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Teams(void)
{
  const PetscInt some[] = {12, 0, 7, 3, 5, 1, 9}, one[] = {4};
  PetscMPIInt    size;
  NomosProblem   team, alone;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
    for (PetscInt chunk = 1; chunk < 4; chunk++) {
      PetscCall(Make(cases[c].net, chunk, PETSC_TRUE, &team));
      PetscCall(Make(cases[c].net, chunk, PETSC_FALSE, &alone));
      CheckInt("ranks share the parameters", team->team.own != NULL, size > 1 && cases[c].shares);
      CheckInt("and do not where it is switched off", alone->team.own != NULL, 0);
      for (int turn = 0; turn < 2; turn++) {
        PetscCall(Compare(&cases[c], team, alone, 7, some));
        PetscCall(Compare(&cases[c], team, alone, 1, one)); /* ranks without a sample */
        PetscCall(Compare(&cases[c], team, alone, 0, NULL)); /* all samples: more than there is room for */
        PetscCall(Compare(&cases[c], team, alone, 5, some)); /* some ranks have fewer chunks than others */
      }
      PetscCall(NomosProblemDestroy(&team));
      PetscCall(NomosProblemDestroy(&alone));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(Vec v, PetscReal phase)
{
  PetscScalar *a;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetArray(v, &a));
  for (PetscInt i = 0; i < n; i++) a[i] = PetscSinReal(1.7 * i + phase);
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More samples than the queue takes (a quarter of the width), two seeds for one linearization, and a value between: the sum of single gradients. */
static PetscErrorCode Queue(void)
{
  const PetscInt n[2] = {6, 5};
  NomosGrid      grid = {.dim = 2, .n = {n[0], n[1]}, .length = {1, 1}};
  NomosMap       m;
  Vec            x, p, y, dy, dp, sum, one;
  PetscReal      norm, diff;

  PetscFunctionBegin;
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "net", &m));
  PetscCall(NomosMapSetType(m, "fno"));
  PetscCall(NomosMapFNOSetModes(m, 2, (PetscInt[]){4, 3}));
  PetscCall(NomosMapFNOSetWidth(m, 40));
  PetscCall(NomosMapFNOSetLayers(m, 2));
  PetscCall(NomosMapSetPrecision(m, NOMOS_DOUBLE));
  PetscCall(NomosMapSetGrid(m, &grid));
  PetscCall(NomosMapSetChannels(m, 1, 1));
  PetscCall(NomosMapSetBatch(m, 2));
  PetscCall(NomosMapSetUp(m));
  PetscCall(NomosMapCreateVecs(m, &x, &p, &y));
  PetscCall(NomosMapInitializeParameters(m, 3, p));
  PetscCall(VecDuplicate(y, &dy));
  PetscCall(VecDuplicate(p, &dp));
  PetscCall(VecDuplicate(p, &sum));
  PetscCall(VecDuplicate(p, &one));
  PetscCall(VecSet(sum, 0));
  for (int b = 0; b < 16; b++) { /* two seeds for each of eight inputs */
    PetscCall(Fill(x, b / 2));
    PetscCall(Fill(dy, 10 + b));
    PetscCall(NomosMapLinearize(m, x, p, y));
    PetscCall(NomosMapApplyAdjoint(m, dy, NULL, one));
    PetscCall(VecAXPY(sum, 1, one));
  }
  PetscCall(NomosMapAdjointBegin(m));
  for (int b = 0; b < 16; b += 2) {
    PetscCall(Fill(x, 7.7));
    PetscCall(NomosMapApply(m, x, p, y));
    PetscCall(Fill(x, b / 2));
    PetscCall(NomosMapLinearize(m, x, p, y));
    PetscCall(Fill(dy, 10 + b));
    PetscCall(NomosMapAdjointAdd(m, dy, NULL));
    PetscCall(Fill(dy, 11 + b));
    PetscCall(NomosMapAdjointAdd(m, dy, NULL));
  }
  PetscCall(NomosMapAdjointEnd(m, dp));
  PetscCall(VecNorm(sum, NORM_2, &norm));
  PetscCall(VecAXPY(dp, -1, sum));
  PetscCall(VecNorm(dp, NORM_2, &diff));
  CheckClose("gradients summed through the queue", diff / norm, 0, 100 * PETSC_MACHINE_EPSILON); /* 32 terms in another order */
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&dy));
  PetscCall(VecDestroy(&dp));
  PetscCall(VecDestroy(&sum));
  PetscCall(VecDestroy(&one));
  PetscCall(NomosMapDestroy(&m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, "-data_batch 7"));
  PetscCall(WriteSamples("team.h5", SAMPLES, 8, 6));
  PetscCall(Teams());
  PetscCall(Queue());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", !Run());
  return NomosTestEnd();
}

/*TEST
  np: 1 2 4
TEST*/
