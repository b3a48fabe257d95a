/*
  kktsketch_blocks.c - where the blocks of a KKT operator come from: a matrix that answers for them, a nest, index sets and an
  assembled matrix, or the normal equations of a least-squares problem.
*/
#include "kktsketch.h"

/* Private to the library: our optimizer's KKT operators answer these (all references borrowed). */
typedef PetscErrorCode GetBlocksFn(Mat, Mat *, Mat *, PetscReal *, PetscReal *, Mat *);
typedef PetscErrorCode GetPreFn(Mat, Mat *, Mat *);

PetscErrorCode NomosKKTSketchAssembled(Mat A, PetscBool *yes)
{
  PetscFunctionBegin;
  *yes = PETSC_FALSE;
  if (A) PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, yes, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  if (A && !*yes) PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, yes, MATSEQAIJCUSPARSE, MATMPIAIJCUSPARSE, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hold(PetscObject obj, void *where)
{
  PetscFunctionBegin;
  if (obj) PetscCall(PetscObjectReference(obj));
  *(PetscObject *)where = obj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosKKTSketchReleaseBlocks(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&k->H));
  PetscCall(MatDestroy(&k->Hpre));
  PetscCall(MatDestroy(&k->G));
  PetscCall(MatDestroy(&k->Gpre));
  PetscCall(MatDestroy(&k->S));
  PetscCall(VecDestroy(&k->c));
  PetscCall(ISDestroy(&k->primal));
  PetscCall(ISDestroy(&k->dual));
  k->least = k->query = PETSC_FALSE;
  k->t = k->gamma = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c = diag(C) of the corner -C. Only the diagonal of a general C enters the Schur complement. */
static PetscErrorCode Corner(PC pc, Mat minusC)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;

  PetscFunctionBegin;
  if (!minusC) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatCreateVecs(minusC, NULL, &k->c));
  PetscCall(MatGetDiagonal(minusC, k->c));
  PetscCall(VecScale(k->c, -1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FromQuery(PC pc, GetBlocksFn *get)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  GetPreFn     *getpre;
  PetscObject   primal, dual;
  Mat           H, G, S, Hp, Gp;

  PetscFunctionBegin;
  PetscCall((*get)(pc->pmat, &H, &G, &k->t, &k->gamma, &S));
  Hp = H, Gp = G;
  PetscCall(PetscObjectQueryFunction((PetscObject)pc->pmat, "NomosKKTGetPre_C", &getpre));
  if (getpre) PetscCall((*getpre)(pc->pmat, &Hp, &Gp));
  PetscCall(PetscObjectQuery((PetscObject)pc->pmat, "nomos_primal", &primal));
  PetscCall(PetscObjectQuery((PetscObject)pc->pmat, "nomos_dual", &dual));
  PetscCheck(primal && (dual || !G), PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONGSTATE, "the KKT matrix gives its blocks but carries no index sets nomos_primal and nomos_dual");
  k->query = PETSC_TRUE;
  PetscCall(Hold((PetscObject)H, &k->H));
  PetscCall(Hold((PetscObject)(Hp ? Hp : H), &k->Hpre));
  PetscCall(Hold((PetscObject)G, &k->G));
  PetscCall(Hold((PetscObject)(Gp ? Gp : G), &k->Gpre));
  PetscCall(Hold((PetscObject)S, &k->S));
  PetscCall(Hold(primal, &k->primal));
  PetscCall(Hold(dual, &k->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FromNest(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscInt      nr, nc;
  Mat         **mats;
  IS            rows[2];

  PetscFunctionBegin;
  PetscCall(MatNestGetSubMats(pc->pmat, &nr, &nc, &mats));
  PetscCheck(nr == 2 && nc == 2, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_SIZ, "the nest has %" PetscInt_FMT " x %" PetscInt_FMT " blocks; kktsketch needs [B G'; G -C]", nr, nc);
  PetscCheck(mats[0][0] && mats[1][0], PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONG, "kktsketch needs the blocks (0,0) and (1,0) of the nest [B G'; G -C]");
  PetscCall(MatNestGetISs(pc->pmat, rows, NULL));
  PetscCall(Hold((PetscObject)mats[0][0], &k->H));
  PetscCall(Hold((PetscObject)mats[0][0], &k->Hpre));
  PetscCall(Hold((PetscObject)mats[1][0], &k->G));
  PetscCall(Hold((PetscObject)mats[1][0], &k->Gpre));
  PetscCall(Hold((PetscObject)rows[0], &k->primal));
  PetscCall(Hold((PetscObject)rows[1], &k->dual));
  PetscCall(Corner(pc, mats[1][1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FromIndexSets(PC pc, IS primal, IS dual)
{
  PC_KKTSketch  *k     = (PC_KKTSketch *)pc->data;
  const MatReuse reuse = k->subH && pc->flag == SAME_NONZERO_PATTERN ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX;

  PetscFunctionBegin;
  if (reuse == MAT_INITIAL_MATRIX) {
    PetscCall(MatDestroy(&k->subH));
    PetscCall(MatDestroy(&k->subG));
    PetscCall(MatDestroy(&k->subC));
  }
  PetscCall(MatCreateSubMatrix(pc->pmat, primal, primal, reuse, &k->subH));
  PetscCall(MatCreateSubMatrix(pc->pmat, dual, primal, reuse, &k->subG));
  PetscCall(MatCreateSubMatrix(pc->pmat, dual, dual, reuse, &k->subC));
  PetscCall(Hold((PetscObject)k->subH, &k->H));
  PetscCall(Hold((PetscObject)k->subH, &k->Hpre));
  PetscCall(Hold((PetscObject)k->subG, &k->G));
  PetscCall(Hold((PetscObject)k->subG, &k->Gpre));
  PetscCall(Hold((PetscObject)primal, &k->primal));
  PetscCall(Hold((PetscObject)dual, &k->dual));
  PetscCall(Corner(pc, k->subC));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* KSPLSQR preconditions the normal equations T'T, T = G'. */
static PetscErrorCode FromNormal(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  PetscBool     virt, assembled;
  Mat           T, G;

  PetscFunctionBegin;
  k->least = PETSC_TRUE;
  PetscCall(MatNormalGetMat(pc->pmat, &T));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)T, &virt, MATTRANSPOSEVIRTUAL, ""));
  if (virt) {
    PetscCall(MatTransposeGetMat(T, &G));
    PetscCall(Hold((PetscObject)G, &k->Gpre));
  } else {
    PetscCall(NomosKKTSketchAssembled(T, &assembled));
    PetscCheck(assembled, PetscObjectComm((PetscObject)pc), PETSC_ERR_SUP, "kktsketch sketches an assembled matrix; the normal equations hold one of type %s", ((PetscObject)T)->type_name);
    PetscCall(MatTranspose(T, MAT_INITIAL_MATRIX, &k->Gpre));
  }
  PetscCall(Hold((PetscObject)k->Gpre, &k->G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The blocks of pc->pmat, with a reference each. */
PetscErrorCode NomosKKTSketchGetBlocks(PC pc)
{
  PC_KKTSketch *k = (PC_KKTSketch *)pc->data;
  GetBlocksFn  *get;
  PetscObject   primal = (PetscObject)k->user_primal, dual = (PetscObject)k->user_dual;
  PetscBool     nest, normal;

  PetscFunctionBegin;
  PetscCall(NomosKKTSketchReleaseBlocks(pc));
  PetscCall(PetscObjectQueryFunction((PetscObject)pc->pmat, "NomosKKTGetBlocks_C", &get));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc->pmat, MATNEST, &nest));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc->pmat, MATNORMAL, &normal));
  if (!primal) PetscCall(PetscObjectQuery((PetscObject)pc->pmat, "nomos_primal", &primal));
  if (!dual) PetscCall(PetscObjectQuery((PetscObject)pc->pmat, "nomos_dual", &dual));
  if (get) PetscCall(FromQuery(pc, get));
  else if (nest) PetscCall(FromNest(pc));
  else if (normal) PetscCall(FromNormal(pc));
  else if (primal && dual) PetscCall(FromIndexSets(pc, (IS)primal, (IS)dual));
  else SETERRQ(PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONG, "kktsketch cannot see the blocks of a matrix of type %s; give a MATNEST [B G'; G -C], or index sets of the two fields by NomosPCKKTSketchSetIS()", ((PetscObject)pc->pmat)->type_name);
  if (k->user_S) {
    PetscCall(MatDestroy(&k->S));
    PetscCall(Hold((PetscObject)k->user_S, &k->S));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
