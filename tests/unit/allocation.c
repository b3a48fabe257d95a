/* Nothing is allocated after the first step: 200 steps of the real recipe (darcy16-quick: FNO, h1fd, the public data, cosine schedule, tests and
   history every epoch), counting PetscMalloc, the buffers of every backend object and the plans of the host table between step 2 and the end.
   Checkpoints and reading are outside by definition (design page: insides of libraries are exempt as well). */
#include "nomostest.h"
#include <nomos.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) /* instrumented and not optimized: two epochs */
  #define STEPS 40
#else
  #define STEPS 200
#endif

static PetscInt   Allocations = -1, Counted = -1, Strings = 0;
static PetscInt64 Buffers = 0, BuffersCounted = -1;
static char       First[256] = "";
static PetscErrorCode (*TrueMalloc)(size_t, PetscBool, int, const char[], const char[], void **);
static PetscErrorCode CountMalloc(size_t n, PetscBool clear, int line, const char function[], const char file[], void **p)
{
  if (Allocations >= 0 && !strcmp(function, "PetscStrallocpy")) Strings++;
  else if (Allocations >= 0 && !Allocations++) snprintf(First, sizeof(First), "%s, line %d of %s", function, line, file);
  return (*TrueMalloc)(n, clear, line, function, file, p);
}

static PetscErrorCode Hook(Tao tao, PetscInt step, void *ctx)
{
  PetscFunctionBegin;
  if (step == 2) {
    Allocations = 0;
    PetscCall(NomosBackendGetCounters(NULL, &Buffers, NULL, NULL));
  }
  if (step == STEPS - 1) {
    Counted     = Allocations;
    Allocations = -1;
    PetscCall(NomosBackendGetCounters(NULL, &BuffersCounted, NULL, NULL));
    BuffersCounted -= Buffers;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  char                 text[4096];
  NomosProblem         p;
  NomosTrainingSummary s;
  Tao                  tao;
  PetscInt64           made;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertFile(PETSC_COMM_WORLD, NULL, NomosTestFile("examples/recipes/darcy16-quick.opts"), PETSC_TRUE));
  snprintf(text, sizeof(text), "-data %s -data_test %s,%s -tao_max_it %d -nomos_history allocation.csv -nomos_progress none -nomos_keep_best -tao_clip 10", NomosTestFile("examples/data/darcy16_train.h5"), NomosTestFile("examples/data/darcy16_test.h5"), NomosTestFile("examples/data/darcy32_test.h5"), STEPS);
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, &p));
  PetscCall(NomosProblemSetFromOptions(p));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetUpdate(tao, Hook, NULL));
  TrueMalloc    = PetscTrMalloc;
  PetscTrMalloc = CountMalloc;
  PetscCall(NomosProblemTrain(p, tao));
  PetscTrMalloc = TrueMalloc;
  PetscCall(NomosProblemGetSummary(p, &s));
  CheckInt("steps", s.steps, STEPS);
  CheckTrue("several epochs, so tests and best parameters are inside", s.epochs >= STEPS / 20);
  PetscCall(NomosBackendGetCounters(NULL, &made, NULL, NULL));
  CheckTrue("buffers and plans are counted", made > 20);
  CheckInt("buffers and plans of the backend between step 2 and the end", BuffersCounted, 0);
  CheckInt(First[0] ? First : "PetscMalloc between step 2 and the end", Counted, 0);
  CheckTrue("but for the string that TaoComputeObjectiveAndGradient() of PETSc copies at every call (its -tao_test_gradient)", Strings <= STEPS - 3);
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
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
