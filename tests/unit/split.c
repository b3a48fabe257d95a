/* /split of a data set: the lists as they stand in the file, also within a range; what is trained on, normalised with and validated on. */
#include "nomostest.h"
#include "testlinear.h"
#include <hdf5.h>

#define FILE_A  "split.h5"
#define SAMPLES 17
static const long long Train[] = {0, 2, 3, 5, 8, 9, 12, 13, 16}, Valid[] = {15, 1, 6, 10}, Test[] = {4, 7};

/* Added with HDF5 alone, as a user does. */
static void AddLists(void)
{
  hid_t       f = H5Fopen(FILE_A, H5F_ACC_RDWR, H5P_DEFAULT), g = H5Gcreate2(f, "split", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const char *names[]   = {"train", "valid", "test"};
  const void *lists[]   = {Train, Valid, Test};
  hsize_t     lengths[] = {9, 4, 2};

  for (int i = 0; i < 3; i++) {
    hid_t space = H5Screate_simple(1, &lengths[i], NULL), d = H5Dcreate2(g, names[i], H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

    CheckTrue("list written", d >= 0 && H5Dwrite(d, H5T_NATIVE_LLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, lists[i]) >= 0);
    H5Dclose(d);
    H5Sclose(space);
  }
  H5Gclose(g);
  H5Fclose(f);
}

static PetscErrorCode Open(PetscInt first, PetscInt n, NomosData *d)
{
  const char *file = FILE_A;

  PetscFunctionBegin;
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, d));
  PetscCall(NomosDataSetFiles(*d, 1, &file));
  PetscCall(NomosDataSetRange(*d, first, n));
  PetscCall(NomosDataSetUp(*d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckList(NomosData d, const char name[], PetscInt n, const PetscInt want[])
{
  const PetscInt *got;
  PetscInt        have;

  PetscFunctionBegin;
  PetscCall(NomosDataGetSplit(d, name, &have, &got));
  CheckInt(name, have, n);
  for (PetscInt i = 0; i < n && have == n; i++) CheckInt(name, got[i], want[i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckLists(void)
{
  const PetscInt train[] = {0, 2, 3, 5, 8, 9, 12, 13, 16}, valid[] = {15, 1, 6, 10}, test[] = {4, 7};
  const PetscInt train5[] = {0, 3, 4, 7, 8}, valid5[] = {1, 5}, test5[] = {2}; /* samples 5..14, counted from 5 */
  NomosData      d;

  PetscFunctionBegin;
  PetscCall(Open(0, PETSC_DETERMINE, &d));
  PetscCall(CheckList(d, "train", 9, train));
  PetscCall(CheckList(d, "valid", 4, valid));
  PetscCall(CheckList(d, "test", 2, test));
  PetscCall(NomosDataDestroy(&d));
  PetscCall(Open(5, 10, &d));
  PetscCall(CheckList(d, "train", 5, train5));
  PetscCall(CheckList(d, "valid", 2, valid5));
  PetscCall(CheckList(d, "test", 1, test5));
  PetscCall(NomosDataDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckTraining(PetscBool best)
{
  const PetscInt       train[] = {0, 2, 3, 5, 8, 9, 12, 13, 16}, valid[] = {15, 1, 6, 10};
  NomosProblem         p;
  NomosData            d;
  NomosMap             map;
  NomosTrainingSummary s;
  NomosErrors          mean, each[SAMPLES];
  Tao                  tao;
  Vec                  theta;
  const PetscReal     *m[4];
  PetscReal            want[8], f, listed, error = 0;

  PetscFunctionBegin;
  PetscCall(PetscOptionsClear(NULL));
  PetscCall(PetscOptionsInsertString(NULL, "-data_batch 4 -data_epochs 6 -tao_adamw_lr 0.3 -tao_schedule_type constant -nomos_progress none"));
  if (best) PetscCall(PetscOptionsInsertString(NULL, "-nomos_keep_best"));
  PetscCall(MakeProblem(FILE_A, &p));
  PetscCall(NomosProblemSetUp(p));
  PetscCall(NomosProblemGetParameters(p, &theta));
  PetscCall(NomosProblemObjectiveGradient(p, theta, &f, NULL)); /* all training samples */
  PetscCall(NomosProblemSetSamples(p, 9, train));
  PetscCall(NomosProblemObjectiveGradient(p, theta, &listed, NULL));
  CheckClose("f over the training list", f, listed, 0);
  PetscCall(Open(0, PETSC_DETERMINE, &d));
  PetscCall(NomosDataGetStatistics(d, 9, train, want, want + 2, want + 4, want + 6));
  PetscCall(NomosProblemGetMap(p, &map));
  PetscCall(NomosMapGetNormalizer(map, &m[0], &m[1], &m[2], &m[3]));
  for (int i = 0; i < 8; i++) CheckClose("normalisers of the training list", m[i / 2][i % 2], want[i], 0);
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(p, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(p, tao));
  PetscCall(NomosProblemGetSummary(p, &s));
  CheckInt("nine samples in steps of four: three a pass", s.steps, 18);
  if (best) {
    PetscCall(NomosProblemComputeErrors(p, d, &mean, each));
    for (int i = 0; i < 4; i++) error += each[valid[i]].rel_l2 / 4;
    CheckClose("the parameters kept are those with the lowest error on the list", error, s.best_error, 1e-14 * error);
  }
  PetscCall(NomosDataDestroy(&d));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(void)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(LinearRegister());
  PetscCall(WriteSamples(FILE_A, SAMPLES, 4, 6));
  if (rank == 0) AddLists();
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(CheckLists());
  PetscCall(CheckTraining(PETSC_FALSE));
  PetscCall(CheckTraining(PETSC_TRUE));
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
