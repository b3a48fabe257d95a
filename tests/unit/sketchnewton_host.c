/* The inner loop of TAOSKETCHNEWTON, sketchproject and kktsketch asks for no array on the host: with vectors on a device each such call
   is a copy. Checked without a device: VecGetArray() and its like, VecGetValues() and VecSetValues() are counted by this program in
   front of PETSc's, when they are called out of libnomos during a KSPSolve() after its set-up. Calls that PETSc makes inside are PETSc's; they are
   copies only where PETSc has no kernel. What remains, and why, stands in the table below. */
#define _GNU_SOURCE /* dladdr, RTLD_NEXT */
#include <dlfcn.h>
#include <nomos.h>
#include "nomostest.h"
#include "../problems/control.h"
#include "../problems/scalable.h"
#include <petsc_ext/sketch/sketch.h>

static PetscInt calls;
static int      inside, sketching;

static void Came(void *caller)
{
  Dl_info from;

  if (!inside || sketching || !dladdr(caller, &from) || !from.dli_fname || !strstr(from.dli_fname, "libnomos")) return;
  calls++;
}
/* PETSc's functions, counted */
PetscErrorCode VecGetArray(Vec v, PetscScalar **a)
{
  static PetscErrorCode (*own)(Vec, PetscScalar **);

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "VecGetArray");
  Came(__builtin_return_address(0));
  return own(v, a);
}
PetscErrorCode VecGetArrayWrite(Vec v, PetscScalar **a)
{
  static PetscErrorCode (*own)(Vec, PetscScalar **);

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "VecGetArrayWrite");
  Came(__builtin_return_address(0));
  return own(v, a);
}
PetscErrorCode VecGetArrayRead(Vec v, const PetscScalar **a)
{
  static PetscErrorCode (*own)(Vec, const PetscScalar **);

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "VecGetArrayRead");
  Came(__builtin_return_address(0));
  return own(v, a);
}
PetscErrorCode VecGetValues(Vec v, PetscInt n, const PetscInt where[], PetscScalar a[])
{
  static PetscErrorCode (*own)(Vec, PetscInt, const PetscInt *, PetscScalar *);

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "VecGetValues");
  Came(__builtin_return_address(0));
  return own(v, n, where, a);
}
PetscErrorCode VecSetValues(Vec v, PetscInt n, const PetscInt where[], const PetscScalar a[], InsertMode mode)
{
  static PetscErrorCode (*own)(Vec, PetscInt, const PetscInt *, const PetscScalar *, InsertMode);

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "VecSetValues");
  Came(__builtin_return_address(0));
  return own(v, n, where, a, mode);
}

/* A sketch is made by the backend of its vectors' memory, the host's here and CUDA's for vectors on a device: its calls are left out. */
PetscErrorCode NomosSketchLocal(NomosSketch *k, Vec x, PetscScalar y[])
{
  static PetscErrorCode (*own)(NomosSketch *, Vec, PetscScalar *);
  PetscErrorCode ierr;

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "NomosSketchLocal");
  sketching++;
  ierr = own(k, x, y);
  sketching--;
  return ierr;
}
PetscErrorCode NomosSketchColumn(NomosSketch *k, PetscInt j, Vec x)
{
  static PetscErrorCode (*own)(NomosSketch *, PetscInt, Vec);
  PetscErrorCode ierr;

  if (!own) *(void **)&own = dlsym(RTLD_NEXT, "NomosSketchColumn");
  sketching++;
  ierr = own(k, j, x);
  sketching--;
  return ierr;
}

/* the loop, not its set-up */
static PetscErrorCode Begin(KSP ksp, Vec b, Vec x, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(KSPSetUp(ksp));
  inside = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode End(KSP ksp, Vec b, Vec x, void *ctx)
{
  PetscFunctionBegin;
  inside = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* options, and how many of the calls there may be for one application of the preconditioner */
typedef struct {
  const char *name, *options;
  PetscInt    per_apply;
} Case;
static const Case control[] = {
  {"FGMRES, kktsketch with the user's Schur complement", "-tao_sketchnewton_schur_pc_type mat", 0},
  {"FGMRES, kktsketch selfp", "-tao_sketchnewton_pc_kktsketch_schur selfp", 0},
  {"MINRES, kktsketch diagonal", "-tao_sketchnewton_ksp_type minres -tao_sketchnewton_pc_kktsketch_form diagonal -tao_sketchnewton_pc_kktsketch_schur selfp", 0},
  {"FGMRES, kktsketch lsqr", "-tao_sketchnewton_pc_kktsketch_schur lsqr", 0},
  {"sketchproject krylov, kktsketch with the user's Schur complement", "-tao_sketchnewton_ksp_type sketchproject -tao_sketchnewton_schur_pc_type mat", 0},
  {"sketchproject gaussian, kktsketch selfp", "-tao_sketchnewton_ksp_type sketchproject -tao_sketchnewton_ksp_sketchproject_type gaussian -tao_sketchnewton_ksp_sketchproject_block_size 2 -tao_sketchnewton_ksp_max_it 5 -tao_sketchnewton_regularization none -tao_sketchnewton_max_retries 0 -tao_sketchnewton_pc_kktsketch_schur selfp", 0},
  /* the triangle is replicated and solved by LAPACK on the host: m numbers come and m go */
  {"FGMRES, kktsketch sketchqr", "-tao_sketchnewton_pc_kktsketch_schur sketchqr", 2},
};

static PetscErrorCode Judge(const Case *c, Tao tao, PetscInt inner)
{
  PetscFunctionBegin;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: %d calls in %d inner iterations\n", c->name, (int)calls, (int)inner));
  CheckTrue("there was an inner loop", inner > 0);
  /* a solve applies the preconditioner once more than it iterates at most, and there are at most as many solves as iterations */
  CheckTrue(c->name, calls <= c->per_apply * 2 * inner);
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode Watch(Tao tao)
{
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoGetKSP(tao, &ksp));
  PetscCall(KSPSetPreSolve(ksp, Begin, NULL));
  PetscCall(KSPSetPostSolve(ksp, End, NULL));
  PetscCall(TaoSetMaximumIterations(tao, 3));
  calls = 0;
  PetscCall(TaoSolve(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}
static PetscErrorCode OnControl(const Case *c)
{
  Control      p;
  PetscInt     inner;
  PetscOptions own;

  PetscFunctionBegin;
  PetscCall(PetscOptionsCreate(&own));
  PetscCall(PetscOptionsPush(own));
  PetscCall(PetscOptionsInsertString(NULL, c->options));
  PetscCall(ControlCreate(PETSC_COMM_WORLD, 7, 1, 1e-2, PETSC_FALSE, PETSC_FALSE, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  if (strstr(c->options, "schur_pc_type mat")) PetscCall(NomosTaoSketchNewtonSetSchurPre(p.tao, p.S));
  PetscCall(Watch(p.tao));
  PetscCall(TaoGetLinearSolveIterations(p.tao, &inner));
  PetscCall(Judge(c, p.tao, inner));
  PetscCall(ControlDestroy(&p));
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(&own));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* dense Jacobian, Hessian by products: Nystrom and the sketched QR */
static PetscErrorCode OnLogistic(void)
{
  const Case c = {"logistic regression, Nystrom and sketchqr", "", 2};
  Logistic   p;
  PetscInt   inner;

  PetscFunctionBegin;
  PetscCall(LogisticCreate(PETSC_COMM_WORLD, 500, 20, 5, PETSC_TRUE, &p));
  PetscCall(TaoSetType(p.tao, TAOSKETCHNEWTON));
  PetscCall(Watch(p.tao));
  PetscCall(TaoGetLinearSolveIterations(p.tao, &inner));
  PetscCall(Judge(&c, p.tao, inner));
  PetscCall(LogisticDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  PetscFunctionBegin;
  PetscCall(NomosInitializePackage());
  for (size_t i = 0; i < sizeof(control) / sizeof(control[0]); i++) PetscCall(OnControl(&control[i]));
  PetscCall(OnLogistic());
  CheckTrue("the calls are counted at all", calls > 0); /* the triangle's */
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2  timeout: 180
TEST*/
