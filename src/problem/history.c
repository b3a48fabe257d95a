/*
  history.c - one line per step in a file, and progress for whoever watches.

  Columns: step,time_s,f,gnorm,cnorm,lr,evals,samples,epoch,test1_rel_l2,... ; what is not known is empty (null in .jsonl).
  f has 17 digits. A continued run appends: a reader keeps the last line of a step. A checkpoint holds the latest lines too,
  one column each, for who finds a checkpoint without its history.
*/
#include "problem.h"
#include "model.h"
#include <errno.h>
#include <unistd.h>

static const char *const Columns[] = {"step", "time_s", "f", "gnorm", "cnorm", "lr", "evals", "samples", "epoch"};

/* ---- the latest lines ---------------------------------------------------------------------------------------------- */
#define FIXED 9 /* columns before those of the tests */
static PetscBool IsInteger(PetscInt column)
{
  return column == 0 || (column >= 6 && column < FIXED) ? PETSC_TRUE : PETSC_FALSE;
}

static void ColumnName(PetscInt column, char name[32])
{
  if (column < FIXED) snprintf(name, 32, "%s", Columns[column]);
  else snprintf(name, 32, "test%d_rel_l2", (int)(column - FIXED) + 1);
}

static PetscErrorCode MakeTail(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->rank || !p->checkpoint_dir[0] || (p->tail && p->tail_columns == FIXED + p->ntest)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(p->tail));
  p->tail_columns = FIXED + p->ntest;
  PetscCall(PetscMalloc1(NOMOS_HISTORY_TAIL * p->tail_columns, &p->tail));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void KeepLine(NomosProblem p, const NomosRecord *r, const PetscReal test[])
{
  PetscReal *line = p->tail + p->ntail++ % NOMOS_HISTORY_TAIL * p->tail_columns;

  line[0] = (PetscReal)r->step, line[1] = r->time, line[2] = r->f, line[3] = r->gnorm, line[4] = r->cnorm, line[5] = r->lr;
  line[6] = (PetscReal)r->evals, line[7] = (PetscReal)r->samples, line[8] = (PetscReal)r->epoch;
  for (PetscInt i = 0; i < p->ntest; i++) line[FIXED + i] = test ? test[i] : NOMOS_UNKNOWN;
  for (PetscInt i = 0; i < p->tail_columns; i++)
    if (PetscIsInfOrNanReal(line[i])) line[i] = (PetscReal)NAN; /* not known */
}

PetscErrorCode NomosHistoryPut(NomosProblem p, NomosImage image, NomosWhy *why)
{
  const PetscInt n = PetscMin(p->ntail, NOMOS_HISTORY_TAIL);
  const int64_t  shape = n;
  PetscReal     *v;
  int64_t       *k;
  char           name[32];

  PetscFunctionBegin;
  if (!p->tail || !n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc2(n, &v, n, &k));
  for (PetscInt c = 0; c < p->tail_columns && !why->code; c++) {
    for (PetscInt i = 0; i < n; i++) {
      v[i] = p->tail[(p->ntail - n + i) % NOMOS_HISTORY_TAIL * p->tail_columns + c];
      if (IsInteger(c)) k[i] = (int64_t)v[i];
    }
    ColumnName(c, name);
    if (IsInteger(c)) NomosImagePutTensor(image, "/history", name, 'i', 1, &shape, k, why);
    else NomosImagePutTensor(image, "/history", name, 'd', 1, &shape, v, why);
  }
  PetscCall(PetscFree2(v, k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Files of earlier builds have no columns: the tail then begins with this run. */
PetscErrorCode NomosHistoryTake(NomosProblem p, NomosH5 h, NomosWhy *why)
{
  NomosH5Info info;
  PetscReal  *v;
  char        path[64], name[32];

  PetscFunctionBegin;
  PetscCall(MakeTail(p));
  p->ntail = 0;
  if (!p->tail || !NomosH5Has(h, "/history/step") || NomosH5GetInfo(h, "/history/step", &info, why) || info.rank != 1 || info.count > NOMOS_HISTORY_TAIL) PetscFunctionReturn(PETSC_SUCCESS);
  p->ntail = (PetscInt)info.count;
  PetscCall(PetscMalloc1(p->ntail, &v));
  for (PetscInt c = 0; c < p->tail_columns && !why->code; c++) {
    NomosH5Info  one = {.rank = 0};
    PetscBool    has;

    ColumnName(c, name);
    snprintf(path, sizeof(path), "/history/%s", name);
    has = NomosH5Has(h, path) && !NomosH5GetInfo(h, path, &one, why) && one.rank == 1 && one.count == info.count ? PETSC_TRUE : PETSC_FALSE;
    if (has) NomosH5Read(h, path, NULL, NULL, v, why);
    for (PetscInt i = 0; i < p->ntail; i++) p->tail[i * p->tail_columns + c] = has ? v[i] : (PetscReal)NAN;
  }
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */
PetscErrorCode NomosHistoryOpen(NomosProblem p, PetscBool append)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)p);
  size_t      len;
  PetscMPIInt error = 0;
  PetscBool   csv = PETSC_FALSE, json = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(MakeTail(p));
  if (!append) p->ntail = 0;
  if (!p->history_file[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrlen(p->history_file, &len));
  if (len > 4) PetscCall(PetscStrcmp(p->history_file + len - 4, ".csv", &csv));
  if (len > 6) PetscCall(PetscStrcmp(p->history_file + len - 6, ".jsonl", &json));
  PetscCheck(csv || json, comm, PETSC_ERR_ARG_WRONG, "the history file '%s' ends neither in .csv nor in .jsonl; see -nomos_history", p->history_file);
  p->jsonl = json;
  if (p->rank == 0) {
    errno      = 0;
    p->history = fopen(p->history_file, append ? "a" : "w");
    if (!p->history) error = errno ? errno : EIO;
    else if (!json && ftell(p->history) == 0) {
      for (PetscInt i = 0; i < FIXED + p->ntest; i++) {
        char name[32];

        ColumnName(i, name);
        fprintf(p->history, "%s%s", i ? "," : "", name);
      }
      fputc('\n', p->history);
      fflush(p->history);
    }
  }
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, comm));
  PetscCheck(!error, comm, PETSC_ERR_FILE_OPEN, "cannot write the history file '%s': %s; give another one with -nomos_history", p->history_file, strerror(error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void PutReal(NomosProblem p, int column, const char name[], PetscReal v)
{
  char text[40] = "";

  if (!PetscIsInfOrNanReal(v)) snprintf(text, sizeof(text), "%.17g", (double)v);
  else if (p->jsonl) snprintf(text, sizeof(text), "null");
  else if (column == 2) snprintf(text, sizeof(text), "%s", PetscIsNanReal(v) ? "nan" : "inf");
  if (p->jsonl) fprintf(p->history, "%s\"%s\": %s", column ? ", " : "{", name, text);
  else fprintf(p->history, "%s%s", column ? "," : "", text);
}

static void PutInteger(NomosProblem p, int column, long long v)
{
  if (p->jsonl) fprintf(p->history, "%s\"%s\": %lld", column ? ", " : "{", Columns[column], v);
  else fprintf(p->history, "%s%lld", column ? "," : "", v);
}

/* One line, flushed. A disk that is full ends the history, not the run. */
PetscErrorCode NomosHistoryWrite(NomosProblem p, const NomosRecord *r, const PetscReal test[])
{
  char name[32];

  PetscFunctionBegin;
  if (p->tail) KeepLine(p, r, test);
  if (!p->history) PetscFunctionReturn(PETSC_SUCCESS);
  PutInteger(p, 0, r->step);
  PutReal(p, 1, Columns[1], r->time);
  PutReal(p, 2, Columns[2], r->f);
  PutReal(p, 3, Columns[3], r->gnorm);
  PutReal(p, 4, Columns[4], r->cnorm);
  PutReal(p, 5, Columns[5], r->lr);
  PutInteger(p, 6, r->evals);
  PutInteger(p, 7, r->samples);
  PutInteger(p, 8, r->epoch);
  for (PetscInt i = 0; i < p->ntest; i++) {
    ColumnName(FIXED + i, name);
    PutReal(p, FIXED + (int)i, name, test ? test[i] : NOMOS_UNKNOWN);
  }
  fputs(p->jsonl ? "}\n" : "\n", p->history);
  if (fflush(p->history) || ferror(p->history)) {
    PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "nomos: the history file '%s' cannot be written any more (%s); training goes on without it\n", p->history_file, strerror(errno)));
    fclose(p->history);
    p->history = NULL;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosHistoryClose(NomosProblem p)
{
  PetscFunctionBegin;
  if (p->history) fclose(p->history);
  p->history = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Bar(NomosProblem p, const NomosRecord *r, PetscReal rate, PetscReal left)
{
  const int width = 30, full = p->max_steps ? (int)((PetscReal)width * (PetscReal)(r->step + 1) / (PetscReal)p->max_steps) : width;
  char      bar[40];

  for (int i = 0; i < width; i++) bar[i] = i < full ? '#' : '.';
  bar[width] = 0;
  fprintf(PETSC_STDOUT, "\r[%s] %lld/%lld f=%.4e %.1f steps/s %.0f s left  ", bar, (long long)r->step + 1, (long long)p->max_steps, (double)r->f, (double)rate, (double)left);
  fflush(PETSC_STDOUT);
}

/* A bar on a terminal five times a second; elsewhere a line every 30 s. */
PetscErrorCode NomosProgressShow(NomosProblem p, const NomosRecord *r, PetscBool last)
{
  NomosProgress  how = p->progress;
  PetscLogDouble now;
  PetscReal      rate, left;

  PetscFunctionBegin;
  if (p->rank || how == NOMOS_PROGRESS_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  /* Open MPI's mpiexec gives rank 0 a terminal even where its own output goes to a file; it does not do so for stderr */
  if (how == NOMOS_PROGRESS_AUTO) how = isatty(fileno(PETSC_STDOUT)) && isatty(STDERR_FILENO) ? NOMOS_PROGRESS_BAR : NOMOS_PROGRESS_LINES;
  PetscCall(PetscTime(&now));
  if (now - p->progress_last < (how == NOMOS_PROGRESS_BAR ? 0.2 : 30.0) && !(last && p->bar_open)) PetscFunctionReturn(PETSC_SUCCESS);
  p->progress_last = now;
  rate             = (PetscReal)(r->step + 1 - p->first_step) / PetscMax(now - p->start, 1e-9);
  left             = (PetscReal)PetscMax(p->max_steps - r->step - 1, 0) / PetscMax(rate, 1e-9);
  if (how == NOMOS_PROGRESS_BAR) {
    Bar(p, r, rate, left);
    p->bar_open = PETSC_TRUE;
    if (last) fputc('\n', PETSC_STDOUT), p->bar_open = PETSC_FALSE;
  } else PetscCall(PetscPrintf(PETSC_COMM_SELF, "step %" PetscInt_FMT "/%" PetscInt_FMT " epoch %" PetscInt_FMT " f=%.6e %.1f steps/s %.0f s left\n", r->step + 1, p->max_steps, r->epoch, (double)r->f, (double)rate, (double)left));
  PetscFunctionReturn(PETSC_SUCCESS);
}
