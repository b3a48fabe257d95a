/*
  Trains a Fourier neural operator on Darcy flow, saves it, and reports its errors at the training resolution and at twice
  that: a training program in twelve calls. Everything else is an option.

    cd examples
    mpicc ex2_darcy_fno.c $(pkg-config --cflags --libs nomos) -o ex2_darcy_fno
    ./ex2_darcy_fno -options_file recipes/darcy16-quick.opts -data data/darcy16_train.h5 \
                    -data_test data/darcy16_test.h5,data/darcy32_test.h5 -o model.h5
    mpiexec -n 2 ./ex2_darcy_fno ...            the batches are shared out, the result is the same to rounding

  Any TAO type works in place of the recipe's adamw: -tao_type blmvm takes the full batch. -help lists the options.
*/
static char help[] = "Trains a neural operator; see the head of the source.\n";
#include <nomos.h>

/* rel_l2 of the saved model on each file of -data_test; the last one is the return value */
static PetscErrorCode Report(NomosProblem problem, PetscReal *worst)
{
  char       *files[8];
  PetscInt    n = 8;
  NomosErrors e;
  NomosData   data;

  PetscFunctionBeginUser;
  *worst = 0;
  PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-data_test", files, &n, NULL));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
    PetscCall(NomosDataSetFiles(data, 1, (const char *const *)&files[i]));
    PetscCall(NomosProblemComputeErrors(problem, data, &e, NULL));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s rel_l2=%.4f rel_h1fd=%.4f\n", files[i], (double)e.rel_l2, (double)e.rel_h1fd));
    *worst = PetscMax(*worst, e.rel_l2);
    PetscCall(NomosDataDestroy(&data));
    PetscCall(PetscFree(files[i]));
  }
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char                 file[PETSC_MAX_PATH_LEN] = "model.h5";
  NomosProblem         problem;
  NomosTrainingSummary s;
  Tao                  tao;
  PetscReal            worst, bound = PETSC_INFINITY;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-o", file, sizeof(file), NULL));

  PetscCall(NomosProblemCreate(PETSC_COMM_WORLD, &problem));
  PetscCall(NomosProblemSetFromOptions(problem)); /* net, data, losses */
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(NomosProblemSetTao(problem, tao)); /* f, gradient, Hessian products, blocks, batches */
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(NomosProblemTrain(problem, tao));
  PetscCall(NomosProblemGetSummary(problem, &s));
  PetscCall(NomosProblemSave(problem, file));

  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "trained steps=%" PetscInt_FMT " epochs=%" PetscInt_FMT " f=%.4f\n", s.steps, s.epochs, (double)s.f));
  PetscCall(Report(problem, &worst));
  PetscCall(TaoDestroy(&tao));
  PetscCall(NomosProblemDestroy(&problem));

  /* its own check: the largest error may be given a bound */
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-expect", &bound, NULL));
  if (!(worst <= bound)) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "FAILED: rel_l2 is %g, expected at most %g\n", (double)worst, (double)bound));
  PetscCall(PetscFinalize());
  return worst <= bound ? 0 : 1;
}

/*TEST
  # PyTorch's package ends at 0.117 and 0.140, with deviations of 0.005 from one seed to another: four of them above the larger
  np: 1  args: -options_file @SRC@/examples/recipes/darcy16-quick.opts -data @SRC@/examples/data/darcy16_train.h5 -data_test @SRC@/examples/data/darcy16_test.h5,@SRC@/examples/data/darcy32_test.h5 -nomos_progress none -expect 0.160
  np: 2  args: -options_file @SRC@/examples/recipes/darcy16-quick.opts -data @SRC@/examples/data/darcy16_train.h5 -data_test @SRC@/examples/data/darcy16_test.h5,@SRC@/examples/data/darcy32_test.h5 -nomos_progress none -data_epochs 2 -expect 0.5
TEST*/
