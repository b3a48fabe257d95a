/*
  nomossororder.c - who is swept when: natural, levels, colours, colours of blocks, colours given by the user.

  Every order but natural is a colour per row and, inside a colour, blocks of rows that are not coupled to each other. Levels
  are such colours too: the level of a row is one more than the highest level among the rows before it that it is coupled
  to, so that sweeping the levels in turn gives the iterates of natural order. All work on the pattern of A + A^T.
*/
#include "nomossor.h"

/* The pattern of A + A^T, as a plain AIJ matrix: MatColoring knows no other. */
static PetscErrorCode Pattern(Mat A, Mat *P)
{
  PetscBool set, yes, plain;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &plain, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCall(MatIsStructurallySymmetricKnown(A, &set, &yes));
  if (!set || !yes) PetscCall(MatIsSymmetricKnown(A, &set, &yes));
  if (set && yes && plain) {
    PetscCall(PetscObjectReference((PetscObject)A));
    *P = A;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, P));
  PetscCall(MatAXPY(*P, 1.0, A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)*P, &plain, MATSEQAIJ, MATMPIAIJ, ""));
  if (!plain) {
    PetscMPIInt size;

    PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
    PetscCall(MatConvert(*P, size > 1 ? MATMPIAIJ : MATSEQAIJ, MAT_INPLACE_MATRIX, P));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One more than the deepest row before that a row is coupled to; block: only rows of the same block count. */
static PetscErrorCode Levels(Mat P, const PetscInt block[], PetscInt level[])
{
  const PetscInt *ia, *ja;
  PetscInt        n;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(P, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  for (PetscInt r = 0; r < n; r++) {
    level[r] = 0;
    for (PetscInt k = ia[r]; k < ia[r + 1] && ja[k] < r; k++)
      if (!block || block[ja[k]] == block[r]) level[r] = PetscMax(level[r], level[ja[k]] + 1);
  }
  PetscCall(MatRestoreRowIJ(P, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ColorMatrix(PC pc, Mat P, PetscInt n, PetscInt color[])
{
  MatColoring            mc;
  ISColoring             is;
  const ISColoringValue *c;
  const char            *prefix;
  PetscInt               have;

  PetscFunctionBegin;
  PetscCall(MatColoringCreate(P, &mc));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)mc, prefix));
  PetscCall(PetscObjectAppendOptionsPrefix((PetscObject)mc, "pc_nomossor_"));
  PetscCall(MatColoringSetType(mc, MATCOLORINGGREEDY));
  PetscCall(MatColoringSetDistance(mc, 1));
  PetscCall(MatColoringSetFromOptions(mc));
  PetscCall(MatColoringApply(mc, &is));
  PetscCall(ISColoringGetColors(is, &have, NULL, &c));
  PetscCheck(have == n, PETSC_COMM_SELF, PETSC_ERR_PLIB, "MatColoring gave %" PetscInt_FMT " colours for %" PetscInt_FMT " rows", have, n);
  for (PetscInt i = 0; i < n; i++) color[i] = (PetscInt)c[i];
  PetscCall(ISColoringDestroy(&is));
  PetscCall(MatColoringDestroy(&mc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Connected blocks of at most size rows: from the first free row outwards. */
static PetscErrorCode Aggregate(Mat local, PetscInt size, PetscInt block[], PetscInt *nblocks)
{
  const PetscInt *ia, *ja;
  PetscInt        n, *queue, nb = 0;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(local, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_SUP, "the rows of this matrix cannot be read");
  PetscCall(PetscMalloc1(n, &queue));
  for (PetscInt i = 0; i < n; i++) block[i] = -1;
  for (PetscInt seed = 0; seed < n; seed++) {
    PetscInt head = 0, tail = 0;

    if (block[seed] >= 0) continue;
    queue[tail++] = seed;
    block[seed]   = nb;
    while (head < tail && tail < size) {
      const PetscInt r = queue[head++];

      for (PetscInt k = ia[r]; k < ia[r + 1] && tail < size; k++) {
        if (block[ja[k]] >= 0) continue;
        block[ja[k]]  = nb;
        queue[tail++] = ja[k];
      }
    }
    nb++;
  }
  PetscCall(PetscFree(queue));
  PetscCall(MatRestoreRowIJ(local, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  *nblocks = nb;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The graph of the blocks as a matrix: rows of block b in members[start[b]..start[b+1]). */
static PetscErrorCode Quotient(NomosSORMatrix *P, PetscInt nb, PetscInt first, const PetscInt block[], const PetscInt gblock[], Mat *Q)
{
  const PetscInt *bp, *bc, *op = NULL, *oc = NULL;
  PetscInt       *start, *members, *i, *j, n, got = 0;
  PetscScalar    *a;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(P->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &bp, &bc, &done));
  if (P->off) PetscCall(MatGetRowIJ(P->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &op, &oc, &done));
  n = P->n;
  PetscCall(PetscCalloc3(nb + 2, &start, n, &members, nb + 1, &i));
  PetscCall(PetscMalloc1((n ? bp[n] : 0) + (op && n ? op[n] : 0) + nb, &j));
  for (PetscInt r = 0; r < n; r++) start[block[r] + 2]++;
  for (PetscInt b = 0; b < nb; b++) start[b + 2] += start[b + 1];
  for (PetscInt r = 0; r < n; r++) members[start[block[r] + 1]++] = r;
  for (PetscInt b = 0; b < nb; b++) {
    PetscInt many = 0;

    j[got + many++] = first + b;
    for (PetscInt m = start[b]; m < start[b + 1]; m++) {
      const PetscInt r = members[m];

      for (PetscInt k = bp[r]; k < bp[r + 1]; k++)
        if (block[bc[k]] != b) j[got + many++] = first + block[bc[k]];
      for (PetscInt k = op ? op[r] : 0; op && k < op[r + 1]; k++) j[got + many++] = gblock[oc[k]];
    }
    PetscCall(PetscSortRemoveDupsInt(&many, j + got));
    got += many;
    i[b + 1] = got;
  }
  PetscCall(PetscMalloc1(got, &a));
  for (PetscInt k = 0; k < got; k++) a[k] = 1;
  PetscCall(MatCreateMPIAIJWithArrays(PetscObjectComm((PetscObject)P->A), nb, nb, PETSC_DETERMINE, PETSC_DETERMINE, i, j, a, Q));
  PetscCall(PetscFree(a));
  PetscCall(PetscFree(j));
  PetscCall(PetscFree3(start, members, i));
  PetscCall(MatRestoreRowIJ(P->block, 0, PETSC_FALSE, PETSC_FALSE, &n, &bp, &bc, &done));
  if (P->off) PetscCall(MatRestoreRowIJ(P->off, 0, PETSC_FALSE, PETSC_FALSE, &n, &op, &oc, &done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ColorBlocks(PC pc, Mat P, PetscInt size, PetscInt block[], PetscInt depth[], PetscInt *nblocks, PetscInt color[])
{
  NomosSORMatrix m = {.A = NULL};
  Mat            Q;
  PetscInt       nb, first = 0, *global, *ghosts = NULL, *bcolor;

  PetscFunctionBegin;
  PetscCall(NomosSORMatrixSplit(P, PETSC_FALSE, &m));
  PetscCall(Aggregate(m.block, size, block, &nb));
  PetscCall(Levels(m.block, block, depth));
  PetscCallMPI(MPI_Scan(&nb, &first, 1, MPIU_INT, MPI_SUM, PetscObjectComm((PetscObject)P)));
  first -= nb;
  PetscCall(PetscMalloc2(m.n, &global, nb, &bcolor));
  for (PetscInt i = 0; i < m.n; i++) global[i] = first + block[i];
  if (m.off) PetscCall(NomosSORGhosts(&m, global, &ghosts));
  PetscCall(Quotient(&m, nb, first, block, ghosts, &Q));
  PetscCall(ColorMatrix(pc, Q, nb, bcolor));
  for (PetscInt i = 0; i < m.n; i++) color[i] = bcolor[block[i]];
  *nblocks = nb;
  PetscCall(MatDestroy(&Q));
  PetscCall(PetscFree(ghosts));
  PetscCall(PetscFree2(global, bcolor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows in the order of their depth, then of their number. */
static PetscErrorCode ByDepth(PetscInt n, const PetscInt depth[], PetscInt list[])
{
  PetscInt most = 0, *start;

  PetscFunctionBegin;
  for (PetscInt r = 0; depth && r < n; r++) most = PetscMax(most, depth[r]);
  PetscCall(PetscCalloc1(most + 2, &start));
  for (PetscInt r = 0; r < n; r++) start[(depth ? depth[r] : 0) + 1]++;
  for (PetscInt k = 0; k <= most; k++) start[k + 1] += start[k];
  for (PetscInt r = 0; r < n; r++) list[start[depth ? depth[r] : 0]++] = r;
  PetscCall(PetscFree(start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows by (colour, block, depth, row); block NULL: every row is one. */
static PetscErrorCode Sort(NomosSOROrder *o, PetscInt nb, const PetscInt block[], const PetscInt depth[])
{
  const PetscInt n = o->n;
  PetscInt      *count, *slot, *list;

  PetscFunctionBegin;
  if (!block) nb = n;
  o->nblocks = nb;
  o->single  = block ? PETSC_FALSE : PETSC_TRUE;
  PetscCall(PetscCalloc3(o->ncolors + 1, &count, nb, &slot, n, &list));
  PetscCall(PetscMalloc4(n, &o->row, n, &o->position, nb + 1, &o->block, o->ncolors + 1, &o->cblock));
  for (PetscInt b = 0; b < nb; b++) slot[b] = -1;
  for (PetscInt r = 0; r < n; r++) { /* blocks per colour */
    const PetscInt b = block ? block[r] : r;

    if (slot[b] < 0) count[o->color[r] + 1]++;
    slot[b] = o->color[r];
  }
  o->cblock[0] = 0;
  for (PetscInt c = 0; c < o->ncolors; c++) {
    count[c + 1] += count[c];
    o->cblock[c + 1] = count[c + 1];
  }
  for (PetscInt b = 0; b < nb; b++) slot[b] = count[slot[b]]++; /* its place among all blocks */
  for (PetscInt b = 0; b <= nb; b++) o->block[b] = 0;
  for (PetscInt r = 0; r < n; r++) o->block[slot[block ? block[r] : r] + 1]++;
  for (PetscInt b = 0; b < nb; b++) o->block[b + 1] += o->block[b];
  PetscCall(ByDepth(n, depth, list));
  for (PetscInt k = 0; k < n; k++) o->row[o->block[slot[block ? block[list[k]] : list[k]]]++] = list[k];
  for (PetscInt b = nb; b > 0; b--) o->block[b] = o->block[b - 1];
  o->block[0] = 0;
  for (PetscInt k = 0; k < n; k++) o->position[o->row[k]] = k;
  PetscCall(PetscFree3(count, slot, list));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the depths of every block begin. */
static PetscErrorCode Depths(NomosSOROrder *o, const PetscInt depth[])
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc2(o->n + 1, &o->level, o->nblocks + 1, &o->group));
  for (PetscInt b = 0; b < o->nblocks; b++) {
    o->group[b] = o->nlevels;
    for (PetscInt k = o->block[b]; k < o->block[b + 1]; k++)
      if (k == o->block[b] || depth[o->row[k]] != depth[o->row[k - 1]]) o->level[o->nlevels++] = k;
  }
  o->ngroups           = o->nblocks;
  o->group[o->nblocks] = o->nlevels;
  o->level[o->nlevels] = o->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Single rows: every colour is a level, a run of small colours a group. */
static PetscErrorCode Runs(NomosSOROrder *o, PetscBool halo)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc2(o->ncolors + 1, &o->level, o->ncolors + 1, &o->group));
  for (PetscInt c = 0; c < o->ncolors; c++) {
    const PetscInt rows = o->cblock[c + 1] - o->cblock[c], before = c ? o->cblock[c] - o->cblock[c - 1] : 0;

    o->level[c] = o->cblock[c];
    if (!c || halo || rows > NOMOS_SOR_SMALL || before > NOMOS_SOR_SMALL) o->group[o->ngroups++] = c;
  }
  o->nlevels            = o->ncolors;
  o->group[o->ngroups]  = o->ncolors;
  o->level[o->ncolors]  = o->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How the order is launched: on a device (or as there, backend color) the pieces of a colour at once and a run of small colours
   as one group; on the host a colour as one piece. */
PetscErrorCode NomosSORLaunches(PC pc, NomosSOROrder *o)
{
  const NomosSOR *s     = (NomosSOR *)pc->data;
  const PetscBool wide  = s->device || s->backend == NOMOS_SOR_COLOR ? PETSC_TRUE : PETSC_FALSE;
  PetscInt        count = wide && o->single ? o->ngroups : o->ncolors;

  PetscFunctionBegin;
  PetscCall(PetscFree(o->launch));
  PetscCall(PetscMalloc1(count, &o->launch));
  o->nlaunches = count;
  for (PetscInt i = 0; i < count; i++) {
    const PetscInt  from = wide && o->single ? o->group[i] : i, to = wide && o->single ? o->group[i + 1] : i + 1;
    const PetscInt  first = o->block[o->cblock[from]], rows = o->block[o->cblock[to]] - first;
    NomosSORLaunch *l = &o->launch[i];

    *l = (NomosSORLaunch){.color = to - 1, .n = rows > 0, .first = first, .size = rows, .threads = 32};
    if (!wide || o->identity) continue;
    if (!o->single) *l = (NomosSORLaunch){.color = i, .n = o->cblock[to] - o->cblock[from], .first = o->cblock[from], .grouped = PETSC_TRUE, .threads = s->block_size > NOMOS_SOR_SMALL ? 256 : 32};
    else if (to - from > 1) *l = (NomosSORLaunch){.color = to - 1, .n = 1, .first = i, .grouped = PETSC_TRUE, .threads = NOMOS_SOR_SMALL};
    else *l = (NomosSORLaunch){.color = from, .n = rows, .first = first, .size = 1, .threads = 32};
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coupled rows of one colour must be in one block of one rank. */
static PetscErrorCode Validate(PC pc, Mat A, PetscBool local, PetscInt first, const NomosSOROrder *o, const PetscInt block[], PetscBool user)
{
  NomosSORMatrix  m = {.A = NULL};
  const PetscInt *ia, *ja;
  PetscInt       *gcolor = NULL, n, bad[2] = {-1, -1}, worst;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(NomosSORMatrixSplit(A, local, &m));
  if (m.off) PetscCall(NomosSORGhosts(&m, o->color, &gcolor));
  for (PetscInt part = 0; part < (m.off ? 2 : 1); part++) {
    const Mat M = part ? m.off : m.block;

    PetscCall(MatGetRowIJ(M, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
    for (PetscInt r = 0; r < n; r++)
      for (PetscInt k = ia[r]; k < ia[r + 1]; k++) {
        const PetscBool same = part ? (PetscBool)(gcolor[ja[k]] == o->color[r]) : (PetscBool)(ja[k] != r && o->color[ja[k]] == o->color[r] && (!block || block[ja[k]] != block[r]));

        if (!same || bad[0] >= 0) continue;
        bad[0] = first + r;
        bad[1] = part ? m.garray[ja[k]] : first + ja[k];
      }
    PetscCall(MatRestoreRowIJ(M, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  }
  PetscCall(PetscFree(gcolor));
  PetscCallMPI(MPI_Allreduce(&bad[0], &worst, 1, MPIU_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  PetscCheck(worst < 0, PetscObjectComm((PetscObject)pc), user ? PETSC_ERR_ARG_WRONG : PETSC_ERR_PLIB, "the colouring is not valid: row %" PetscInt_FMT " has the colour of a row that it is coupled to%s", worst, user ? "; see NomosPCSORSetColoring()" : "");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt64 Mix(PetscInt64 v)
{
  uint64_t z = (uint64_t)v + 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (PetscInt64)(z ^ (z >> 31));
}

static PetscErrorCode Hash(PC pc, PetscInt first, NomosSOROrder *o)
{
  PetscInt64 h = 0;

  PetscFunctionBegin;
  for (PetscInt r = 0; r < o->n; r++) h ^= Mix((PetscInt64)(first + r) ^ Mix((PetscInt64)o->color[r]));
  PetscCallMPI(MPI_Allreduce(&h, &o->hash, 1, MPIU_INT64, MPI_BXOR, PetscObjectComm((PetscObject)pc)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The colours of the rows of A by the PC's ordering; block[], depth[], nb: where it makes blocks. */
static PetscErrorCode Colors(PC pc, Mat A, NomosSOROrdering ordering, const PetscInt user[], PetscInt color[], PetscInt **block, PetscInt **depth, PetscInt *nb)
{
  NomosSOR *s = (NomosSOR *)pc->data;
  PetscInt  n;
  Mat       P = NULL;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &n, NULL));
  if (ordering == NOMOS_SOR_USER) {
    for (PetscInt i = 0; i < n; i++) color[i] = user[i];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Pattern(A, &P));
  if (ordering == NOMOS_SOR_LEVELS) PetscCall(Levels(P, NULL, color));
  else if (ordering == NOMOS_SOR_MULTICOLOR) PetscCall(ColorMatrix(pc, P, n, color));
  else {
    PetscCall(PetscMalloc2(n, block, n, depth));
    PetscCall(ColorBlocks(pc, P, s->block_size, *block, *depth, nb, color));
  }
  PetscCall(MatDestroy(&P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The order of the sweep over A: all of it (global), or the block of this rank. */
PetscErrorCode NomosSOROrderMake(PC pc, Mat A, Mat block, Mat swept, const PetscInt user[])
{
  NomosSOR              *s        = (NomosSOR *)pc->data;
  NomosSOROrder         *o        = &s->order;
  const NomosSOROrdering ordering = s->order_built;
  PetscInt              *blocks = NULL, *depth = NULL, nb = 0, first, most = 0;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_SORColor, pc, A, 0, 0));
  PetscCall(NomosSOROrderDestroy(s->b, o));
  PetscCall(MatGetLocalSize(block, &o->n, NULL));
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  PetscCall(PetscCalloc1(o->n, &o->color));
  o->ncolors  = 1;
  o->identity = ordering == NOMOS_SOR_NATURAL ? PETSC_TRUE : PETSC_FALSE;
  if (o->identity) {
    o->nblocks = 1;
    PetscCall(PetscMalloc4(0, &o->row, 0, &o->position, 2, &o->block, 2, &o->cblock));
    o->block[0] = o->cblock[0] = 0;
    o->block[1]                = o->n;
    o->cblock[1]               = 1;
  } else {
    PetscCall(Colors(pc, swept, ordering, user, o->color, &blocks, &depth, &nb));
    for (PetscInt r = 0; r < o->n; r++) most = PetscMax(most, o->color[r]);
    if (s->global) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
    o->ncolors = most + 1;
    PetscCall(Validate(pc, swept, s->global ? PETSC_FALSE : PETSC_TRUE, first, o, blocks, ordering == NOMOS_SOR_USER ? PETSC_TRUE : PETSC_FALSE));
    PetscCall(Sort(o, nb, blocks, depth));
    if (blocks) PetscCall(Depths(o, depth));
    else PetscCall(Runs(o, s->global));
    PetscCall(PetscFree2(blocks, depth));
    PetscCall(NomosSORUp(s->b, o->n, o->row, &o->there[0]));
    PetscCall(NomosSORUp(s->b, o->nlevels + 1, o->level, &o->there[1]));
    PetscCall(NomosSORUp(s->b, o->ngroups + 1, o->group, &o->there[2]));
  }
  PetscCall(NomosSORLaunches(pc, o));
  PetscCall(Hash(pc, first, o));
  PetscCall(PetscLogEventEnd(NOMOS_SORColor, pc, A, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSOROrderDestroy(NomosBackend b, NomosSOROrder *o)
{
  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) PetscCall(NomosBackendFree(b, &o->there[k]));
  PetscCall(PetscFree4(o->row, o->position, o->block, o->cblock));
  PetscCall(PetscFree2(o->level, o->group));
  PetscCall(PetscFree(o->launch));
  PetscCall(PetscFree(o->color));
  PetscCall(PetscMemzero(o, sizeof(*o)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
