/* A training run: steps and history, other Tao types, the lowest validation error, same losses on any ranks. */
#include "nomostest.h"
#include "testlinear.h"

#define FILE_A "training.h5"

static PetscErrorCode Options(const char text[])
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Train(NomosProblem p, NomosTrainingSummary *s, PetscInt *its, PetscReal *gnorm)
{
  Tao tao;

  PetscFunctionBegin;
  PetscCall(TaoCreate(PetscObjectComm((PetscObject)p), &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, s));
  if (its) PetscCall(TaoGetSolutionStatus(tao, its, NULL, gnorm, NULL, NULL, NULL));
  PetscCall(TaoDestroy(&tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column `column` of every line of a history. */
static int ReadHistory(const char file[], int column, int max, double out[])
{
  FILE *f = fopen(file, "r");
  char  line[1024];
  int   n = 0;

  if (!f) return -1;
  if (!fgets(line, sizeof(line), f)) line[0] = 0;
  while (n < max && fgets(line, sizeof(line), f)) {
    const char *at = line;

    for (int c = 0; c < column && at; c++) at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
    out[n++] = at && *at != '\n' && *at != ',' ? strtod(at, NULL) : NAN;
  }
  fclose(f);
  return n;
}

static PetscErrorCode CheckHistory(void)
{
  NomosProblem         p;
  NomosTrainingSummary s;
  double               f[64], step[64], test[64], samples[64], epoch[64], lr[64];
  int                  n;

  PetscFunctionBegin;
  PetscCall(Options("-data_batch 4 -data_epochs 5 -tao_adamw_lr 0.05 -tao_schedule_type constant -nomos_history h.csv -data_test " FILE_A ",other.h5 -nomos_progress none"));
  PetscCall(MakeProblem(FILE_A, &p));
  PetscCall(Train(p, &s, NULL, NULL));
  CheckInt("steps", s.steps, 25);
  CheckInt("epochs", s.epochs, 5);
  CheckTrue("the run was not stopped", !s.stopped);
  n = ReadHistory("h.csv", 2, 64, f);
  CheckInt("lines", n, 25);
  ReadHistory("h.csv", 0, 64, step);
  ReadHistory("h.csv", 5, 64, lr);
  ReadHistory("h.csv", 7, 64, samples);
  ReadHistory("h.csv", 8, 64, epoch);
  ReadHistory("h.csv", 10, 64, test);
  for (int i = 0; i < n; i++) {
    CheckInt("step", (long long)step[i], i);
    CheckInt("epoch", (long long)epoch[i], i / 5);
    CheckInt("samples", (long long)samples[i], i / 5 * 17 + (i % 5 == 4 ? 17 : 4 * (i % 5 + 1)));
    CheckClose("learning rate", lr[i], 0.05, 0);
    CheckTrue("test errors at the last step of an epoch only", !isnan(test[i]) == (i % 5 == 4));
  }
  CheckTrue("f falls", f[24] < 0.7 * f[0]);
  CheckClose("f of the last step", s.f, f[24], 0); /* 17 digits */
  { /* the last test error is that of the parameters that training left */
    NomosData   d;
    NomosErrors e;
    const char *file = "other.h5";

    PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
    PetscCall(NomosDataSetFiles(d, 1, &file));
    PetscCall(NomosProblemComputeErrors(p, d, &e, NULL));
    CheckClose("test error of the history", test[24], e.rel_l2, 1e-14 * e.rel_l2);
    PetscCall(NomosDataDestroy(&d));
  }
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same run on all ranks together and on each alone: first losses to 1e-12, forty to 1e-9 (adamw amplifies rounding). */
static PetscErrorCode CheckRanks(void)
{
  NomosProblem         p, q;
  NomosTrainingSummary s, t;
  NomosMap             net;
  NomosData            d;
  const char          *file = FILE_A;

  PetscFunctionBegin;
  for (int steps = 1; steps <= 40; steps += 39) {
    char text[256];

    snprintf(text, sizeof(text), "-data_batch 5 -data_epochs 20 -tao_adamw_lr 0.02 -nomos_progress none -tao_max_it %d -net_testlinear_tanh", steps);
    PetscCall(Options(text));
    PetscCall(MakeProblem(FILE_A, &p));
    PetscCall(Train(p, &s, NULL, NULL));
    PetscCall(NomosProblemDestroy(&p));
    PetscCall(NomosProblemCreate(PETSC_COMM_SELF, &q));
    PetscCall(NomosMapCreate(PETSC_COMM_SELF, "net", &net));
    PetscCall(NomosMapSetType(net, "testlinear"));
    PetscCall(NomosMapSetFromOptions(net));
    PetscCall(NomosProblemSetMap(q, net));
    PetscCall(NomosMapDestroy(&net));
    PetscCall(NomosDataCreate(PETSC_COMM_SELF, &d));
    PetscCall(NomosDataSetFiles(d, 1, &file));
    PetscCall(NomosProblemSetData(q, d));
    PetscCall(NomosDataDestroy(&d));
    PetscCall(NomosProblemSetFromOptions(q));
    PetscCall(Train(q, &t, NULL, NULL));
    PetscCall(NomosProblemDestroy(&q));
    CheckInt("steps", s.steps, steps);
    CheckClose("loss on these ranks and on one", s.f, t.f, (steps == 1 ? 1e-12 : 1e-9) * t.f);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckTypes(void)
{
  const char *const    types[] = {"blmvm", "bqnls", "nls"};
  NomosProblem         p;
  NomosTrainingSummary s;
  PetscInt             its;
  PetscReal            gnorm;
  char                 text[256];

  PetscFunctionBegin;
  for (int i = 0; i < 3; i++) {
    snprintf(text, sizeof(text), "-data_batch 4 -data_epochs 60 -tao_type %s -loss_reduction squared -nomos_progress none -tao_gatol 1e-9 -tao_grtol 0", types[i]);
    PetscCall(Options(text));
    PetscCall(MakeProblem(FILE_A, &p));
    PetscCall(Train(p, &s, &its, &gnorm));
    CheckTrue("gradient of a quadratic at its minimum", gnorm < 1e-8);
    CheckTrue("one iteration on the full batch is a pass", its <= 60);
    if (i == 2) CheckTrue("Newton with the exact Hessian: a step or two", its <= 3);
    PetscCall(NomosProblemDestroy(&p));
  }
  PetscCall(Options("-data_epochs 3 -tao_type blmvm -nomos_progress none -nomos_history b.csv -tao_gatol 0 -tao_grtol 0 -tao_gttol 0"));
  PetscCall(MakeProblem(FILE_A, &p));
  PetscCall(Train(p, &s, &its, NULL));
  CheckInt("iterations of -data_epochs", its, 3);
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckBest(void)
{
  NomosProblem         p;
  NomosTrainingSummary s;
  NomosData            d;
  NomosErrors          e;
  const char          *file = FILE_A;

  PetscFunctionBegin;
  /* a learning rate that jumps about: the last parameters are not the best */
  PetscCall(Options("-data_batch 4 -data_epochs 8 -tao_adamw_lr 1.0 -tao_schedule_type constant -nomos_progress none -nomos_keep_best"));
  PetscCall(MakeProblem(FILE_A, &p));
  PetscCall(Train(p, &s, NULL, NULL));
  CheckInt("a tenth is not trained on: 16 of 17 in steps of 4", s.steps, 32);
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &d));
  PetscCall(NomosDataSetFiles(d, 1, &file));
  PetscCall(NomosDataSetRange(d, 16, 1));
  PetscCall(NomosProblemComputeErrors(p, d, &e, NULL));
  CheckClose("error of the parameters that were kept", e.rel_l2, s.best_error, 1e-14 * s.best_error);
  PetscCall(NomosDataDestroy(&d));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  PetscFunctionBegin;
  PetscCall(LinearRegister());
  PetscCall(WriteSamples(FILE_A, 17, 4, 6));
  PetscCall(WriteSamples("other.h5", 5, 8, 6));
  PetscCall(CheckHistory());
  PetscCall(CheckRanks());
  PetscCall(CheckTypes());
  PetscCall(CheckBest());
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
