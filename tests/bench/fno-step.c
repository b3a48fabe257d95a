/*
  One training step of a Fourier neural operator (forward, h1fd loss, backward, AdamW) in single precision, and the forward
  pass alone, on random data: the cases that tests/bench/peers.py times with PyTorch.

    -bench_case darcy16-quick|darcy16|64x64   grid 16, 16, 64; modes 8, 16, 16; width 24, 24, 32; batch 64, 8, 8
    -steps 60                                 steps that are timed

  Prints case, ranks, step_ms (the median step of a real NomosProblemTrain()), forward_ms (the batch of one rank, median),
  rss_mb (largest peak of a process). fno-step.sh runs it on one rank and on two.
*/
#include <nomos.h>
#include <compat.h>
#include <petsctime.h>
#include <stdlib.h>
#include <sys/resource.h>

typedef struct {
  const char *name;
  PetscInt    n, modes, width, batch;
} Case;
static const Case cases[] = {{"darcy16-quick", 16, 8, 24, 64}, {"darcy16", 16, 16, 24, 8}, {"64x64", 64, 16, 32, 8}};

/* two batches of smooth random fields in a file of the working folder */
static PetscErrorCode WriteData(const Case *c, const char file[])
{
  NomosGrid    g = {.dim = 2, .n = {c->n, c->n}, .length = {1, 1}};
  NomosData    data;
  const char  *in = "a", *out = "u";
  PetscInt     one = 1, samples = 2 * c->batch, points = c->n * c->n;
  PetscScalar *x;
  PetscMPIInt  rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMalloc1(samples * points, &x));
  for (PetscInt i = 0; i < samples * points; i++) x[i] = PetscSinReal(0.37 * i + 0.0011 * i * (i % 97));
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataWriteBegin(data, file, "bench", &g, samples, 1, &in, &one, 1, &out, &one, NOMOS_DOUBLE));
  PetscCall(NomosDataWriteSamples(data, 0, rank == 0 ? samples : 0, x, x)); /* each rank hands over its own */
  PetscCall(NomosDataWriteEnd(data));
  PetscCall(NomosDataDestroy(&data));
  PetscCall(PetscFree(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int Ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* median time of one rank's share of a batch through NomosMapApply(), in ms */
static PetscErrorCode Forward(NomosProblem problem, const Case *c, PetscMPIInt ranks, double *ms)
{
  NomosMap       net;
  Vec            theta, p, x, y;
  PetscInt       chunk, calls;
  double         t[25];
  PetscLogDouble a, b;
  VecScatter     gather;

  PetscFunctionBegin;
  PetscCall(NomosProblemGetMap(problem, &net));
  PetscCall(NomosProblemGetParameters(problem, &theta));
  PetscCall(NomosMapGetBatch(net, &chunk));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-bench_forward_batch", &chunk, NULL));
  PetscCall(NomosMapSetBatch(net, chunk));
  PetscCall(NomosMapSetUp(net));
  PetscCall(NomosMapCreateVecs(net, &x, NULL, &y));
  PetscCall(VecScatterCreateToAll(theta, &gather, &p));
  PetscCall(VecScatterBegin(gather, theta, p, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(gather, theta, p, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecSet(x, 0.3));
  calls = PetscMax(1, c->batch / ranks / chunk);
  for (int i = 0; i < 25; i++) {
    PetscCall(PetscTime(&a));
    for (PetscInt k = 0; k < calls; k++) PetscCall(NomosMapApply(net, x, p, y));
    PetscCall(PetscTime(&b));
    t[i] = 1e3 * (b - a);
  }
  qsort(t, 25, sizeof(*t), Ascending);
  *ms = t[12];
  PetscCall(VecScatterDestroy(&gather));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const Case          *c = cases;
  char                 name[32] = "darcy16-quick", text[512];
  PetscInt             steps = 60;
  PetscBool            same = PETSC_FALSE;
  PetscMPIInt          ranks;
  NomosProblem         problem;
  NomosTrainingSummary s;
  Tao                  tao;
  double               forward = 0, rss, all;
  struct rusage        usage;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &ranks));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_case", name, sizeof(name), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && !same; i++) {
    c = &cases[i];
    PetscCall(PetscStrcmp(name, c->name, &same));
  }
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_ARG_WRONG, "-bench_case %s; there are darcy16-quick, darcy16 and 64x64", name);
  PetscCall(WriteData(c, "fno-step.h5"));
  PetscCall(PetscSNPrintf(text, sizeof(text), "-data fno-step.h5 -net_type fno -net_fno_modes %" PetscInt_FMT ",%" PetscInt_FMT " -net_fno_width %" PetscInt_FMT " -data_batch %" PetscInt_FMT " -tao_max_it %" PetscInt_FMT " -loss_type h1fd -tao_type adamw -tao_adamw_wd 1e-4 -tao_schedule_type constant -nomos_progress none", c->modes, c->modes, c->width, c->batch, steps));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(PetscOptionsInsert(NULL, &argc, &argv, NULL)); /* the command line beats the case */
  PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, &problem));
  PetscCall(NomosProblemSetFromOptions(problem));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(problem, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(problem, tao));
  PetscCall(NomosProblemGetSummary(problem, &s));
  PetscCall(Forward(problem, c, ranks, &forward));
  getrusage(RUSAGE_SELF, &usage);
  rss = (double)usage.ru_maxrss / 1024;
  PetscCallMPI(MPI_Reduce(&rss, &all, 1, MPI_DOUBLE, MPI_MAX, 0, PETSC_COMM_WORLD));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "nomos case=%s ranks=%d step_ms=%.2f forward_ms=%.2f rss_mb=%.0f\n", c->name, ranks, (double)s.step_ms, forward, all));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&problem));
  PetscCall(PetscFinalize());
  return 0;
}
