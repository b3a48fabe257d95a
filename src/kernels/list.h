/*
  list.h - every kernel, one line each. Included several times with the macros defined to what is wanted:

  NOMOS_EACH(K)   void   K(PetscInt i, KArgs k)              one call per index
  NOMOS_ROWS(K)   void   K(PetscInt r, PetscInt i, KArgs k)  one call per row and column: fields seen as [rows][points]
  NOMOS_SWEEP(K, BACK)  void K##Row(PetscInt r, int lane, int lanes, KArgs k)  launched like EACH over pieces of rows, sor.h; BACK: rows
                  and levels of a piece from its end
  NOMOS_EXACT(K)  like EACH, compiled without contraction: same bits on host and GPU (random numbers, updates)
  NOMOS_SUM(K)    double K(PetscInt g, PetscInt i, KArgs k)  summed over i in a fixed tree, one number per segment g
*/
#ifndef NOMOS_EACH
  #define NOMOS_EACH(K)
#endif
#ifndef NOMOS_SWEEP
  #define NOMOS_SWEEP(K, BACK)
#endif
#ifndef NOMOS_ROWS
  #define NOMOS_ROWS(K)
#endif
#ifndef NOMOS_EXACT
  #define NOMOS_EXACT(K)
#endif
#ifndef NOMOS_SUM
  #define NOMOS_SUM(K)
#endif

/* pointwise.h: layers that act point by point */
NOMOS_ROWS(FieldIn)
NOMOS_ROWS(FieldOut)
NOMOS_ROWS(GridEmbed)
NOMOS_ROWS(Gelu)
NOMOS_ROWS(GeluSave)
NOMOS_ROWS(TanhSave)
NOMOS_ROWS(Multiply)
NOMOS_ROWS(ScaleRows)
NOMOS_ROWS(AddRows)
NOMOS_ROWS(Axpby)
NOMOS_ROWS(GatherRows)
NOMOS_ROWS(NormRows)
NOMOS_ROWS(NormRowsAdj)
NOMOS_SUM(DotRows)
NOMOS_SUM(GroupMoment)
NOMOS_EACH(FoldBatch)
NOMOS_EACH(FoldGroup)
NOMOS_EACH(ParamIn)
NOMOS_EACH(ParamOut)
NOMOS_EACH(ParamCopy)

/* spectral.h: weights per mode and their factors */
NOMOS_ROWS(PackModes)
NOMOS_ROWS(UnpackModes)
NOMOS_ROWS(PackSomeModes)
NOMOS_ROWS(UnpackSomeModes)
NOMOS_ROWS(ScaleColumns)
NOMOS_EACH(CPBuild)
NOMOS_EACH(CPGrad)
NOMOS_EACH(ModeProduct)
NOMOS_EACH(ModeOuter)

/* random.h: streams of random numbers */
NOMOS_EXACT(FillUniform)
NOMOS_EXACT(FillNormal)
NOMOS_EXACT(FillRademacher)

/* update.h: updates of optimizers */
NOMOS_EXACT(AdamW)
NOMOS_EXACT(AdamWPair)
NOMOS_EXACT(ClipBox)

/* loss.h: residuals of losses */
NOMOS_ROWS(Misfit)
NOMOS_ROWS(Centre)
NOMOS_ROWS(ModeScale)
NOMOS_ROWS(H1Stack)
NOMOS_ROWS(H1StackAdj)
NOMOS_EACH(LossFactors)
NOMOS_EACH(LossScale)

/* stencil.h: residuals of differential equations */
NOMOS_ROWS(DarcyResidual)
NOMOS_ROWS(DarcyTranspose)
NOMOS_ROWS(DarcyFieldTranspose)
NOMOS_ROWS(DarcyFieldTangent)
NOMOS_ROWS(BurgersStep)
NOMOS_ROWS(BurgersTangent)
NOMOS_ROWS(BurgersTranspose)
NOMOS_ROWS(BurgersFieldTangent)

/* sor.h: sweeps of successive over-relaxation over blocks of rows */
NOMOS_SWEEP(SORForward, 0)
NOMOS_SWEEP(SORBackward, 1)
NOMOS_SWEEP(SOREisenstat, 0)
NOMOS_EACH(SORTriangle)
NOMOS_EACH(SORJacobi)
NOMOS_EACH(SORScale)
NOMOS_EACH(SORGather)
NOMOS_EACH(SORInvert)
NOMOS_SUM(SORUnusable)
NOMOS_EACH(SORCoupling)

/* sketch.h: products with random matrices */
NOMOS_EXACT(SketchColumn)
NOMOS_SUM(SketchGauss)
NOMOS_ROWS(SketchChunk)
NOMOS_SUM(SketchJoin)

#undef NOMOS_EACH
#undef NOMOS_SWEEP
#undef NOMOS_ROWS
#undef NOMOS_EXACT
#undef NOMOS_SUM
