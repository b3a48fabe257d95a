/* Kernels of kernels/sketch.h on a backend's table against sums over the entries, in both precisions. Argument: host or cuda. */
#include "table.h"

#define SEED  77
#define BLOCK 5
#define REAL(a) ((NomosReal *)(void *)(a).p)
#define DBL(a)  ((double *)(void *)(a).p)

static void *UpRaw(const Machine *m, const void *v, size_t bytes)
{
  void *p = NULL;
  if (!TableFailed(m, m->t->alloc(m->ctx, bytes, &p), "alloc")) TableFailed(m, m->t->copy(m->ctx, p, v, bytes, 1), "copy up");
  return p;
}

/* entry (first + i, j), from the targets of the row */
static double Entry(uint64_t row, PetscInt j, PetscInt s, PetscInt nnz)
{
  uint32_t t[NOMOS_SKETCH_MAX_NNZ];
  double   v = 0;
  NomosSketchTargets(SEED, BLOCK, row, (uint32_t)s, (uint32_t)nnz, t);
  for (PetscInt k = 0; k < nnz; k++)
    if ((PetscInt)(t[k] >> 1) == j) v = (t[k] & 1u ? -1 : 1) / sqrt((double)nnz);
  return v;
}

static void Columns(const Machine *m, PetscInt n, PetscInt s, PetscInt nnz, uint64_t first)
{
  for (PetscInt j = 0; j < s; j += s - 1) {
    double *want = DrawMany(m, (size_t)n);
    Array   Y    = Up(m, NULL, (size_t)n);

    TableFailed(m, m->t->each(m->ctx, m->precision, NOMOS_EACH_SketchColumn, n, &(SketchColumnArgs){.y = REAL(Y), .seed = SEED, .first = first, .block = BLOCK, .j = (uint32_t)j, .s = (uint32_t)s, .nnz = (uint32_t)nnz}), "SketchColumn");
    for (PetscInt i = 0; i < n; i++) want[i] = Entry(first + (uint64_t)i, j, s, nnz);
    CheckArray(m, "SketchColumn", &Y, want, m->precision ? 0 : m->eps); /* the same bits in double; rounded once in single */
    Free(m, &Y);
    free(want);
  }
}

static void Gauss(const Machine *m, PetscInt n, PetscInt s, uint64_t first)
{
  double *x = DrawMany(m, (size_t)n), *want = DrawMany(m, (size_t)s);
  Array   X = Up(m, x, (size_t)n), Y = UpDouble(m, NULL, (size_t)s);

  TableFailed(m, m->t->sum(m->ctx, m->precision, NOMOS_SUM_SketchGauss, s, n, &(SketchGaussArgs){.x = REAL(X), .seed = SEED, .first = first, .block = BLOCK}, 0, DBL(Y)), "SketchGauss");
  for (PetscInt j = 0; j < s; j++) {
    want[j] = 0;
    for (PetscInt i = 0; i < n; i++) want[j] += x[i] * NomosNormal(SEED, BLOCK, NOMOS_RANDOM_SKETCH, (uint32_t)j, first + (uint64_t)i);
  }
  CheckArray(m, "SketchGauss", &Y, want, 8 * n * DBL_EPSILON); /* n terms below 8, sums in double in both precisions */
  Free(m, &X), Free(m, &Y);
  free(x), free(want);
}

/* The table of a chunk made by sorting, not as the library makes it. */
static void Chunks(const Machine *m, PetscInt n, PetscInt s, PetscInt nnz, uint64_t first)
{
  const PetscInt chunks = (n + NOMOS_SKETCH_CHUNK - 1) / NOMOS_SKETCH_CHUNK;
  double        *x = DrawMany(m, (size_t)n), *want = DrawMany(m, (size_t)s);
  uint16_t      *code  = (uint16_t *)calloc((size_t)(chunks * NOMOS_SKETCH_CHUNK * nnz), sizeof(*code));
  int           *start = (int *)calloc((size_t)(chunks * (s + 1)), sizeof(*start));
  Array          X = Up(m, x, (size_t)n), P = Up(m, NULL, (size_t)(chunks * s)), Y = UpDouble(m, NULL, (size_t)s);
  void          *dcode, *dstart;

  for (PetscInt c = 0; c < chunks; c++) {
    int at = 0;
    for (PetscInt j = 0; j < s; j++) {
      start[c * (s + 1) + j] = at;
      for (PetscInt i = c * NOMOS_SKETCH_CHUNK; i < n && i < (c + 1) * NOMOS_SKETCH_CHUNK; i++) {
        const double v = Entry(first + (uint64_t)i, j, s, nnz);
        if (v != 0) code[c * NOMOS_SKETCH_CHUNK * nnz + at++] = (uint16_t)((i - c * NOMOS_SKETCH_CHUNK) << 1 | (v < 0));
      }
    }
    start[c * (s + 1) + s] = at;
  }
  dcode  = UpRaw(m, code, (size_t)(chunks * NOMOS_SKETCH_CHUNK * nnz) * sizeof(*code));
  dstart = UpRaw(m, start, (size_t)(chunks * (s + 1)) * sizeof(*start));
  TableFailed(m, m->t->rows(m->ctx, m->precision, NOMOS_ROWS_SketchChunk, chunks, s, &(SketchChunkArgs){.x = REAL(X), .y = REAL(P), .code = (const uint16_t *)dcode, .start = (const int *)dstart, .scale = 1 / sqrt((double)nnz), .s = s, .nnz = nnz}), "SketchChunk");
  TableFailed(m, m->t->sum(m->ctx, m->precision, NOMOS_SUM_SketchJoin, s, chunks, &(SketchJoinArgs){.y = REAL(P), .s = s}, 0, DBL(Y)), "SketchJoin");
  for (PetscInt j = 0; j < s; j++) {
    want[j] = 0;
    for (PetscInt i = 0; i < n; i++) want[j] += x[i] * Entry(first + (uint64_t)i, j, s, nnz);
  }
  CheckArray(m, "SketchChunk and SketchJoin", &Y, want, n * m->eps); /* n terms of at most 1 */
  Free(m, &X), Free(m, &P), Free(m, &Y);
  TableFailed(m, m->t->release(m->ctx, dcode), "release");
  TableFailed(m, m->t->release(m->ctx, dstart), "release");
  free(x), free(want), free(code), free(start);
}

int main(int argc, char **argv)
{
  Machine   m;
  const int rc = TableOpen(&m, argc > 1 ? argv[1] : "host");

  if (rc) return rc == NOMOSTEST_SKIP ? rc : 1;
  for (int precision = 0; precision < 2; precision++) {
    SetPrecision(&m, precision);
    for (int k = 0; k < 3; k++) {
      const PetscInt n = k == 0 ? 1 : k == 1 ? 333 : 2500;
      const uint64_t first = k == 1 ? 4294967296ull * 3 + 7 : 0; /* rows beyond 32 bits */
      Columns(&m, n, 23, 8, first);
      Columns(&m, n, 40, 1, first);
      Gauss(&m, n, 9, first);
      Chunks(&m, n, 23, 8, first);
      Chunks(&m, n, 40, 1, first);
    }
  }
  TableFailed(&m, m.t->close(m.ctx), "close");
  return NomosTestResult();
}
/*TEST
  link: table
  np: 1  args: host
  np: 1  args: host  env: NOMOS_ISA=base
  np: 1  args: cuda  label: cuda
TEST*/
