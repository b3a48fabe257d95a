/* The rest of ex8_control.c: pictures, and main. */

/* four fields on rank 0, in natural order, as one PNG */
static PetscErrorCode Pictures(App *app, PetscInt n, Vec adjoint, const char file[])
{
  const char *const names[4] = {"target", "state", "control", "adjoint"};
  const Vec         fields[4] = {app->yd, app->y, app->u, adjoint};
  NomosPanel        panel[4];
  Vec               natural, here[4];
  VecScatter        s;
  PetscMPIInt       rank;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(panel, sizeof(panel)));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(DMDACreateNaturalVector(app->grid, &natural));
  for (int k = 0; k < 4; k++) {
    PetscCall(DMDAGlobalToNaturalBegin(app->grid, fields[k], INSERT_VALUES, natural));
    PetscCall(DMDAGlobalToNaturalEnd(app->grid, fields[k], INSERT_VALUES, natural));
    PetscCall(VecScatterCreateToZero(natural, &s, &here[k]));
    PetscCall(VecScatterBegin(s, natural, here[k], INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecScatterEnd(s, natural, here[k], INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecScatterDestroy(&s));
    PetscCall(VecGetArrayRead(here[k], &panel[k].values));
    panel[k].title = names[k];
    panel[k].nx = panel[k].ny = n;
    panel[k].lx = panel[k].ly = 1;
    panel[k].colours          = k > 1 ? NOMOS_COLOURS_DIVERGING : NOMOS_COLOURS_SEQUENTIAL;
  }
  if (!rank) PetscCall(NomosPictureFields(file, "Optimal control of -Lap y + y^3 = u", 2, 2, panel));
  for (int k = 0; k < 4; k++) {
    PetscCall(VecRestoreArrayRead(here[k], &panel[k].values));
    PetscCall(VecDestroy(&here[k]));
  }
  PetscCall(VecDestroy(&natural));
  PetscFunctionReturn(0);
}

/* At the optimum alpha u = l at every point; the state follows from the control, |c| = 0. */
static PetscErrorCode Check(App *app, Tao tao, Vec x, Vec adjoint, PetscBool *ok)
{
  PetscReal          f, gnorm, cnorm, gap, scale;
  PetscInt           its;
  TaoConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(TaoGetSolutionStatus(tao, &its, &f, &gnorm, &cnorm, NULL, &reason));
  PetscCall(Split(app, x));
  PetscCall(VecNorm(app->u, NORM_INFINITY, &scale));
  PetscCall(VecWAXPY(app->w, -1 / app->alpha, adjoint, app->u));
  PetscCall(VecNorm(app->w, NORM_INFINITY, &gap));
  *ok = reason > 0 && gap <= 1e-3 * scale ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s in %d iterations: f = %.8f, |grad L| = %.1e, |c| = %.1e, largest |u - l/alpha| / |u| = %.1e\n", TaoConvergedReasons[reason], (int)its, (double)f, (double)gnorm, (double)cnorm, (double)(gap / scale)));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  App       app = {.alpha = 1e-4};
  char      file[PETSC_MAX_PATH_LEN] = "";
  PetscInt  n = 63, local;
  PetscBool ok = PETSC_FALSE, pictures;
  Tao       tao;
  Vec       x, c, l;
  Mat       G, H;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(NomosInitializePackage());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-alpha", &app.alpha, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-pictures", file, sizeof(file), &pictures));
  PetscCall(Setup(n, &app));
  PetscCall(DMCreateGlobalVector(app.pairs, &x));
  PetscCall(VecDuplicate(app.yd, &c));
  PetscCall(VecGetLocalSize(c, &local));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, local, 2 * local, PETSC_DETERMINE, PETSC_DETERMINE, 6, NULL, 5, NULL, &G));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, 2 * local, 2 * local, PETSC_DETERMINE, PETSC_DETERMINE, 1, NULL, 0, NULL, &H));

  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOSKETCHNEWTON));
  PetscCall(TaoSetSolution(tao, x)); /* from y = u = 0 */
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, Objective, &app));
  PetscCall(TaoSetEqualityConstraintsRoutine(tao, c, Residual, &app));
  PetscCall(TaoSetJacobianEqualityRoutine(tao, G, G, Jacobian, &app));
  PetscCall(TaoSetHessian(tao, H, H, Hessian, &app));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));

  PetscCall(TaoGetDualVariables(tao, &l, NULL)); /* the adjoint state */
  PetscCall(Check(&app, tao, x, l, &ok));
  if (pictures) PetscCall(Pictures(&app, n, l, file));

  PetscCall(TaoDestroy(&tao));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&H));
  PetscCall(MatDestroy(&app.A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&c));
  PetscCall(VecDestroy(&app.yd));
  PetscCall(VecDestroy(&app.y));
  PetscCall(VecDestroy(&app.u));
  PetscCall(VecDestroy(&app.w));
  PetscCall(DMDestroy(&app.pairs));
  PetscCall(DMDestroy(&app.grid));
  PetscCall(PetscFinalize());
  return ok ? 0 : 1;
}
