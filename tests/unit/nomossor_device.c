/* PC nomossor on a device against the same on the host: every ordering, sweep, form and backend; new values; bad diagonals.
   Loaded as a plug-in, because libnomoscuda.so is looked for beside it. Where PETSc has no CUDA the device is that of
   tests/fakecuda.c, which allows nobody else to touch its memory, and the vectors are copied (-nomos_backend cuda); with
   -mat_type aijcusparse the real one, where the matrix alone decides. */
#include <stdlib.h>
#include "sortest.h"
#include "refusetest.h"

#define EPS PETSC_MACHINE_EPSILON
static PetscBool Real;

static PetscErrorCode Options(const char *const o[])
{
  static const char *const all[] = {"-pc_nomossor_ordering", "-pc_nomossor_sweep", "-pc_nomossor_its", "-pc_nomossor_backend", "-pc_nomossor_eisenstat", "-pc_nomossor_diagonal_shift", "-pc_nomossor_omega", "-pc_nomossor_block_size", "-pc_nomossor_scope", NULL};

  PetscFunctionBegin;
  for (int i = 0; all[i]; i++) PetscCall(PetscOptionsClearValue(NULL, all[i]));
  for (int i = 0; o[i]; i += 2) PetscCall(PetscOptionsSetValue(NULL, o[i], o[i + 1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* the device (on) or the host for what is set up next */
static PetscErrorCode Device(PetscBool on)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-nomos_backend", on ? (Real ? "auto" : "cuda") : "host"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Make(Mat A, PetscBool device, PC *pc)
{
  PetscFunctionBegin;
  PetscCall(Device(device));
  PetscCall(MakePC(A, pc));
  PetscCall(PCSetFromOptions(*pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  const char *option[13];
} Case;
static const Case cases[] = {
    {{"-pc_nomossor_ordering", "natural", NULL}},
    {{"-pc_nomossor_ordering", "natural", "-pc_nomossor_sweep", "forward", "-pc_nomossor_omega", "1.3", NULL}},
    {{"-pc_nomossor_ordering", "levels", "-pc_nomossor_its", "2", "-pc_nomossor_omega", "0.8", NULL}},
    {{"-pc_nomossor_ordering", "levels", "-pc_nomossor_sweep", "backward", "-pc_nomossor_its", "3", NULL}},
    {{"-pc_nomossor_ordering", "multicolor", "-pc_nomossor_omega", "1.5", NULL}},
    {{"-pc_nomossor_ordering", "multicolor", "-pc_nomossor_its", "2", "-pc_nomossor_sweep", "backward", NULL}},
    {{"-pc_nomossor_ordering", "blockmulticolor", "-pc_nomossor_block_size", "64", "-pc_nomossor_omega", "1.4", NULL}},
    {{"-pc_nomossor_ordering", "blockmulticolor", "-pc_nomossor_block_size", "2000", "-pc_nomossor_its", "2", "-pc_nomossor_omega", "1.4", NULL}},
    {{"-pc_nomossor_ordering", "blockmulticolor", "-pc_nomossor_sweep", "forward", "-pc_nomossor_diagonal_shift", "0.3", NULL}},
    {{"-pc_nomossor_backend", "jacobi", "-pc_nomossor_ordering", "natural", "-pc_nomossor_omega", "1.1", NULL}},
    {{"-pc_nomossor_backend", "jacobi", "-pc_nomossor_ordering", "natural", "-pc_nomossor_sweep", "backward", NULL}}};

static PetscErrorCode Applies(Mat A, Mat H)
{
  Vec b, x, y, bh;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(MatCreateVecs(H, &bh, &y));
  PetscCall(Fill(b, 1));
  PetscCall(Fill(bh, 1));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(cases); i++) {
    PC   host, device;
    char what[160];

    PetscCall(Options(cases[i].option));
    PetscCall(Make(H, PETSC_FALSE, &host));
    PetscCall(PCSetUp(host));
    PetscCall(Make(A, PETSC_TRUE, &device));
    for (int round = 0; round < 3; round++) {
      if (round == 1) PetscCall(MatScale(A, 0.5));
      if (round == 1 && H != A) PetscCall(MatScale(H, 0.5));
      for (int t = 0; t < 2; t++) {
        PetscCall(t ? PCApplyTranspose(host, bh, y) : PCApply(host, bh, y));
        PetscCall(t ? PCApplyTranspose(device, b, x) : PCApply(device, b, x));
        snprintf(what, sizeof(what), "case %d (%s %s) round %d%s", (int)i, cases[i].option[0], cases[i].option[1], round, t ? " transposed" : "");
        PetscCall(CheckVecs(what, x, y, 20 * EPS)); /* the same sums, in the order of lanes and contracted or not */
      }
    }
    PetscCall(MatScale(A, 2));
    if (H != A) PetscCall(MatScale(H, 2));
    PetscCall(PCDestroy(&host));
    PetscCall(PCDestroy(&device));
  }
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&bh));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* nothing asked: blocks of colours on a device, natural order on the host */
static PetscErrorCode Default(Mat A)
{
  static const char *const none[] = {NULL}, *const blocks[] = {"-pc_nomossor_ordering", "blockmulticolor", NULL};
  PC  pc, want;
  Vec b, x, y;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(Fill(b, 2));
  PetscCall(Options(none));
  PetscCall(Make(A, PETSC_TRUE, &pc));
  PetscCall(PCApply(pc, b, x));
  PetscCall(Options(blocks));
  PetscCall(Make(A, PETSC_FALSE, &want));
  PetscCall(PCApply(want, b, y));
  PetscCall(CheckVecs("the ordering of a device that nobody chose", x, y, 20 * EPS));
  PetscCall(PCDestroy(&pc));
  PetscCall(PCDestroy(&want));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Solve(Mat A, PetscBool device, PetscInt *its, KSPConvergedReason *reason, Vec x)
{
  KSP ksp;
  PC  pc;
  Vec b;

  PetscFunctionBegin;
  PetscCall(Device(device));
  PetscCall(VecDuplicate(x, &b));
  PetscCall(Fill(b, 3));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_NATURAL));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 500));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNOMOSSOR));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetConvergedReason(ksp, reason));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Eisenstat's form, transforms included; then a diagonal that cannot be used */
static PetscErrorCode Solves(Mat A)
{
  static const char *const orderings[] = {"levels", "multicolor", "blockmulticolor"}, *const none[] = {NULL};
  PetscInt           its[2], lo, hi;
  KSPConvergedReason reason[2];
  Vec                x, y;
  Mat                B;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, NULL));
  PetscCall(VecDuplicate(x, &y));
  for (int o = 0; o < 3; o++) {
    const char *const option[] = {"-pc_nomossor_ordering", orderings[o], "-pc_nomossor_eisenstat", "1", "-pc_nomossor_omega", "1.2", "-pc_nomossor_diagonal_shift", "0.1", NULL};

    PetscCall(Options(option));
    PetscCall(Solve(A, PETSC_FALSE, &its[0], &reason[0], x));
    PetscCall(Solve(A, PETSC_TRUE, &its[1], &reason[1], y));
    CheckTrue("both converge", reason[0] > 0 && reason[1] > 0);
    CheckInt("iterations of Eisenstat's form", its[1], its[0]);
    PetscCall(CheckVecs(orderings[o], y, x, 1e-11)); /* rounding times the condition number, below 1e3 */
  }
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatGetOwnershipRange(B, &lo, &hi));
  if (lo <= 5 && 5 < hi) PetscCall(MatSetValue(B, 5, 5, 0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(Options(none));
  PetscCall(Solve(B, PETSC_TRUE, &its[1], &reason[1], y));
  CheckInt("a zero on the diagonal", reason[1], KSP_DIVERGED_PC_FAILED);
  PetscCall(MatDestroy(&B));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc with CUDA starts anywhere and finds out at the first matrix whether there is a device. */
static PetscErrorCode FindDevice(PetscBool *found)
{
  PetscErrorCode ierr;
  Mat            A;

  PetscFunctionBegin;
  PetscCall(GridMatrix(PETSC_COMM_SELF, 2, 2, PETSC_FALSE, 0, &A));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = MatConvert(A, MATAIJCUSPARSE, MAT_INPLACE_MATRIX, &A);
  PetscCall(PetscPopErrorHandler());
  *found = ierr ? PETSC_FALSE : PETSC_TRUE;
  if (!ierr) PetscCall(MatDestroy(&A)); /* after a failure it is half converted */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A device on every rank but the last: an error on all of them, no rank left waiting. Where all have one again, it works. */
static PetscErrorCode NotEverywhere(Mat A)
{
  PetscMPIInt size, rank;
  PC          pc;
  Vec         b, x;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(Fill(b, 3));
  PetscCall(Make(A, PETSC_TRUE, &pc));
  for (int again = 0; again < 2; again++) {
    if (rank == size - 1) setenv("NOMOS_FAKE_REFUSES", "1", 1);
    if (rank == size - 1) Refused(PCApply(pc, b, x), PETSC_ERR_LIB, "refuses");
    else Refused(PCApply(pc, b, x), PETSC_ERR_LIB, "not on another rank");
    unsetenv("NOMOS_FAKE_REFUSES");
  }
  PetscCall(PCApply(pc, b, x));
  PetscCall(PCDestroy(&pc));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;
  PetscBool   found = PETSC_TRUE;

  NomosTestBegin(argc, argv);
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscOptionsHasName(NULL, NULL, "-mat_type", &Real));
#if !defined(PETSC_HAVE_CUDA)
  if (Real) return NomosTestSkip("this PETSc has no CUDA");
#endif
  if (Real) PetscCall(FindDevice(&found));
  if (!found) return NomosTestSkip("there is no GPU");
  for (int big = 0; big < 2; big++) {
    Mat A, H;

    PetscCall(GridMatrix(PETSC_COMM_WORLD, big ? 61 : 12, big ? 83 : 9, big ? PETSC_FALSE : PETSC_TRUE, 0.2, &H));
    PetscCall(MatDuplicate(H, MAT_COPY_VALUES, &A));
    if (Real) PetscCall(MatConvert(A, MATAIJCUSPARSE, MAT_INPLACE_MATRIX, &A));
    PetscCall(Applies(A, H));
    PetscCall(Default(A));
    PetscCall(MatDestroy(&A));
    PetscCall(MatDestroy(&H));
    PetscCall(GridMatrix(PETSC_COMM_WORLD, big ? 61 : 12, big ? 83 : 9, PETSC_FALSE, 0, &A));
    if (Real) PetscCall(MatConvert(A, MATAIJCUSPARSE, MAT_INPLACE_MATRIX, &A));
    if (Real || size == 1) PetscCall(Solves(A));
    if (!Real) PetscCall(NotEverywhere(A));
    PetscCall(MatDestroy(&A));
  }
  return NomosTestEnd();
}

/*TEST
  link: petsc
  np: 1 2  args: -dll_append @FAKE@/libnomos.so
  np: 1 2  args: -dll_append @PLUGIN@ -mat_type aijcusparse  label: cuda
TEST*/
