/*
  sketch.c - products with random matrices whose entries are computed, not stored. A sparse-sign sketch keeps its targets,
  2 nnz bytes a row, sorted by column within chunks of rows, so that every sum is a gather.
*/
#include "sketch.h"

/* How the targets of the local rows are stored: two passes of counting per chunk. */
static PetscErrorCode Table(NomosSketch *k)
{
  const size_t chunks = (size_t)k->chunks, s = (size_t)k->s, nnz = (size_t)k->nnz;
  uint16_t    *code;
  int         *start, *fill;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(chunks * NOMOS_SKETCH_CHUNK * nnz, &code, chunks * (s + 1), &start, s + 1, &fill));
  for (size_t c = 0; c < chunks; c++) {
    const PetscInt lo = (PetscInt)c * NOMOS_SKETCH_CHUNK, rows = PetscMin(k->n - lo, NOMOS_SKETCH_CHUNK);
    uint16_t      *out = code + c * NOMOS_SKETCH_CHUNK * nnz;
    int           *at = start + c * (s + 1);
    uint32_t       t[NOMOS_SKETCH_MAX_NNZ];

    for (size_t j = 0; j <= s; j++) at[j] = 0;
    for (PetscInt i = 0; i < rows; i++) {
      NomosSketchTargets((uint64_t)k->seed, (uint32_t)k->block, (uint64_t)(k->first + lo + i), (uint32_t)s, (uint32_t)nnz, t);
      for (size_t l = 0; l < nnz; l++) at[(t[l] >> 1) + 1]++;
    }
    for (size_t j = 0; j < s; j++) at[j + 1] += at[j];
    for (size_t j = 0; j < s; j++) fill[j] = at[j];
    for (PetscInt i = 0; i < rows; i++) {
      NomosSketchTargets((uint64_t)k->seed, (uint32_t)k->block, (uint64_t)(k->first + lo + i), (uint32_t)s, (uint32_t)nnz, t);
      for (size_t l = 0; l < nnz; l++) out[fill[t[l] >> 1]++] = (uint16_t)((uint32_t)i << 1 | (t[l] & 1u));
    }
  }
  PetscCall(NomosBackendMallocBytes(k->b, PetscMax(chunks, 1) * NOMOS_SKETCH_CHUNK * nnz * sizeof(*code), (void **)&k->code));
  PetscCall(NomosBackendMallocBytes(k->b, PetscMax(chunks, 1) * (s + 1) * sizeof(*start), (void **)&k->start));
  PetscCall(NomosBackendMalloc(k->b, PetscMax(chunks, 1) * s, &k->partial));
  if (chunks) {
    PetscCall(NomosBackendCopyUp(k->b, k->code, code, chunks * NOMOS_SKETCH_CHUNK * nnz * sizeof(*code)));
    PetscCall(NomosBackendCopyUp(k->b, k->start, start, chunks * (s + 1) * sizeof(*start)));
  }
  PetscCall(PetscFree3(code, start, fill));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The device where the vectors are, if its half of the library is there; the host otherwise. */
static PetscErrorCode Backend(NomosSketch *k, Vec like)
{
  PetscBool device;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)like, &device, "seqcuda", "mpicuda", "cuda", ""));
  PetscCall(NomosBackendCreate(PETSC_COMM_SELF, &k->b));
  PetscCall(NomosBackendSetType(k->b, device ? NOMOSBACKENDCUDA : NOMOSBACKENDHOST));
  PetscCall(NomosBackendSetUp(k->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For vectors laid out as `like`. Sparse sign: nnz is cut to s. */
PetscErrorCode NomosSketchCreate(Vec like, NomosSketchKind kind, PetscInt64 seed, PetscInt block, PetscInt s, PetscInt nnz, NomosSketch **sketch)
{
  NomosSketch *k;

  PetscFunctionBegin;
  PetscCheck(s >= 1, PetscObjectComm((PetscObject)like), PETSC_ERR_ARG_OUTOFRANGE, "a sketch has %" PetscInt_FMT " columns; it needs at least 1", s);
  PetscCall(PetscNew(&k));
  *sketch  = k;
  k->comm  = PetscObjectComm((PetscObject)like);
  k->kind  = kind;
  k->seed  = seed;
  k->block = block;
  k->s     = s;
  k->nnz   = PetscMax(1, PetscMin(nnz, PetscMin(s, NOMOS_SKETCH_MAX_NNZ)));
  PetscCall(VecGetLocalSize(like, &k->n));
  PetscCall(VecGetOwnershipRange(like, &k->first, NULL));
  k->chunks = (k->n + NOMOS_SKETCH_CHUNK - 1) / NOMOS_SKETCH_CHUNK;
  PetscCall(Backend(k, like));
  PetscCall(NomosBackendMallocBytes(k->b, (size_t)s * sizeof(double), (void **)&k->sums));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchLocal(NomosSketch *k, Vec x, PetscScalar y[])
{
  const double *a;
  const double  scale = 1 / PetscSqrtReal((PetscReal)(k->kind == NOMOS_SKETCH_GAUSSIAN ? k->s : k->nnz));

  PetscFunctionBegin;
  if (k->kind == NOMOS_SKETCH_SPARSESIGN && !k->code) PetscCall(Table(k));
  PetscCall(NomosStageRead(k->b, &k->stage, x, &a));
  if (k->kind == NOMOS_SKETCH_GAUSSIAN) {
    PetscCall(NomosLaunchSum(k->b, SketchGauss, k->s, k->n, 0, k->sums, .x = (const NomosReal *)(const void *)a, .seed = (uint64_t)k->seed, .first = (uint64_t)k->first, .block = (uint32_t)k->block));
  } else {
    PetscCall(NomosLaunchRows(k->b, SketchChunk, k->chunks, k->s, .x = (const NomosReal *)(const void *)a, .y = k->partial, .code = k->code, .start = k->start, .scale = scale, .s = k->s, .nnz = k->nnz));
    PetscCall(NomosLaunchSum(k->b, SketchJoin, k->s, k->chunks, 0, k->sums, .y = k->partial, .s = k->s));
  }
  PetscCall(NomosStageRestore(k->b, &k->stage));
  PetscCall(NomosBackendCopyDown(k->b, y, k->sums, (size_t)k->s * sizeof(double)));
  if (k->kind == NOMOS_SKETCH_GAUSSIAN)
    for (PetscInt j = 0; j < k->s; j++) y[j] *= scale;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchApply(NomosSketch *k, PetscInt n, const Vec x[], PetscScalar y[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; i++) PetscCall(NomosSketchLocal(k, x[i], y + (size_t)i * (size_t)k->s));
  PetscCall(MPIU_Allreduce(MPI_IN_PLACE, y, n * k->s, MPIU_SCALAR, MPIU_SUM, k->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gaussian: variance 1. Sparse sign: +-1/sqrt(nnz). */
PetscErrorCode NomosSketchColumn(NomosSketch *k, PetscInt j, Vec x)
{
  double *a;

  PetscFunctionBegin;
  PetscCall(NomosStageWrite(k->b, &k->stage, x, &a));
  if (k->kind == NOMOS_SKETCH_GAUSSIAN) {
    PetscCall(NomosLaunch(k->b, FillNormal, NomosRandomBlocks((uint64_t)k->first, k->n, 2), .y = (NomosReal *)(void *)a, .seed = (uint64_t)k->seed, .first = (uint64_t)k->first, .n = k->n, .step = (uint32_t)k->block, .tag = NOMOS_RANDOM_SKETCH, .probe = (uint32_t)j));
  } else {
    PetscCall(NomosLaunch(k->b, SketchColumn, k->n, .y = (NomosReal *)(void *)a, .seed = (uint64_t)k->seed, .first = (uint64_t)k->first, .block = (uint32_t)k->block, .j = (uint32_t)j, .s = (uint32_t)k->s, .nnz = (uint32_t)k->nnz));
  }
  PetscCall(NomosStageRestore(k->b, &k->stage));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchRow(NomosSketch *k, PetscInt i, PetscScalar a, PetscScalar y[])
{
  uint32_t t[NOMOS_SKETCH_MAX_NNZ];

  PetscFunctionBegin;
  if (k->kind == NOMOS_SKETCH_GAUSSIAN) {
    const PetscScalar scaled = a / PetscSqrtReal((PetscReal)k->s);

    for (PetscInt j = 0; j < k->s; j++) y[j] += scaled * NomosNormal((uint64_t)k->seed, (uint32_t)k->block, NOMOS_RANDOM_SKETCH, (uint32_t)j, (uint64_t)i);
  } else {
    const PetscScalar scaled = a / PetscSqrtReal((PetscReal)k->nnz);

    NomosSketchTargets((uint64_t)k->seed, (uint32_t)k->block, (uint64_t)i, (uint32_t)k->s, (uint32_t)k->nnz, t);
    for (PetscInt l = 0; l < k->nnz; l++) y[t[l] >> 1] += t[l] & 1u ? -scaled : scaled;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchAIJ(NomosSketch *k, Mat G, PetscInt ld, PetscScalar *out)
{
  const PetscInt    *cols;
  const PetscScalar *vals;
  PetscInt           lo, hi, n;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt r = lo; r < hi; r++) {
    PetscScalar *y = out + (size_t)(r - lo) * (size_t)ld;

    PetscCall(PetscArrayzero(y, ld));
    PetscCall(MatGetRow(G, r, &n, &cols, &vals));
    for (PetscInt j = 0; j < n; j++) PetscCall(NomosSketchRow(k, cols[j], vals[j], y));
    PetscCall(MatRestoreRow(G, r, &n, &cols, &vals));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSketchDestroy(NomosSketch **sketch)
{
  NomosSketch *k = *sketch;

  PetscFunctionBegin;
  if (!k) PetscFunctionReturn(PETSC_SUCCESS);
  if (k->b) {
    PetscCall(NomosStageDestroy(k->b, &k->stage));
    PetscCall(NomosBackendFree(k->b, &k->partial));
    PetscCall(NomosBackendFree(k->b, &k->sums));
    PetscCall(NomosBackendFree(k->b, &k->code));
    PetscCall(NomosBackendFree(k->b, &k->start));
    PetscCall(NomosBackendDestroy(&k->b));
  }
  PetscCall(PetscFree(*sketch));
  PetscFunctionReturn(PETSC_SUCCESS);
}
