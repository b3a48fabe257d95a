/*
  generate.c - nomos generate: a data set made by solving an equation. A sample is a function of (seed, number) alone and is
  made by one rank; the ranks take turns.
*/
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  NomosMap  pde;
  NomosData out;
  NomosGrid grid;
  PetscInt  first, samples, seed, points;
  char      file[PETSC_MAX_PATH_LEN];
} Generate;

static PetscErrorCode Options(Cli *cli, Generate *v)
{
  PetscBool has;

  PetscFunctionBegin;
  PetscOptionsBegin(cli->comm, NULL, "nomos generate", "nomos");
  PetscCall(PetscOptionsBoundedInt("-data_first", "Number of the first sample, not negative", "NomosMapSample", v->first, &v->first, NULL, 0));
  PetscCall(PetscOptionsInt("-data_samples", "How many samples to make, 1 or more; it must be given", "NomosMapSample", v->samples, &v->samples, NULL));
  PetscCall(PetscOptionsBoundedInt("-nomos_seed", "Seed of the samples, not negative", "NomosMapSample", v->seed, &v->seed, NULL, 0));
  PetscCall(PetscOptionsString("-o", "File to write (nomos-dataset/1)", "NomosDataWriteBegin", v->file, v->file, sizeof(v->file), NULL));
  PetscOptionsEnd();
  PetscCall(PetscOptionsHasName(NULL, NULL, "-data_samples", &has));
  PetscCheck(has || cli->help, cli->comm, PETSC_ERR_USER_INPUT, "generate needs a number of samples: give -data_samples N");
  PetscCheck(v->samples > 0 || cli->help, cli->comm, PETSC_ERR_ARG_OUTOFRANGE, "-data_samples is %" PetscInt_FMT ", expected 1 or more", v->samples);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every rank has the equation for itself: nobody waits for another's sample. */
static PetscErrorCode MakeEquation(Cli *cli, Generate *v)
{
  PetscBool has;

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(NULL, NULL, "-pde_type", &has));
  PetscCheck(has || cli->help, cli->comm, PETSC_ERR_USER_INPUT, "generate needs an equation: give -pde_type darcy or -pde_type burgers");
  PetscCall(PetscOptionsHasName(NULL, NULL, "-pde_grid", &has));
  PetscCheck(has || cli->help, cli->comm, PETSC_ERR_USER_INPUT, "generate needs a grid: give -pde_grid N[,N[,N]], for example -pde_grid 32,32");
  PetscCheck(v->file[0] || cli->help, cli->comm, PETSC_ERR_USER_INPUT, "generate needs a place for the data set: give -o FILE.h5");
  for (int i = 0; cli->help && i < 2; i++) { /* -help shows the options of all */
    PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &v->pde));
    PetscCall(NomosMapSetType(v->pde, i ? NOMOSBURGERS : NOMOSDARCY));
    PetscCall(NomosMapSetFromOptions(v->pde));
    PetscCall(NomosMapDestroy(&v->pde));
  }
  if (cli->help) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosMapCreate(PETSC_COMM_SELF, "pde", &v->pde));
  PetscCall(NomosMapSetFromOptions(v->pde));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Generate *v)
{
  const char  *in = "a", *out = "u";
  PetscInt     one = 1;
  char        *options, seed[32];
  NomosMapType type;

  PetscFunctionBegin;
  PetscCall(NomosMapSetUp(v->pde));
  PetscCall(NomosMapGetGrid(v->pde, &v->grid, NULL));
  PetscCall(NomosMapGetType(v->pde, &type));
  v->points = 1;
  for (PetscInt j = 0; j < v->grid.dim; j++) v->points *= v->grid.n[j];
  PetscCall(NomosDataWriteBegin(v->out, v->file, type, &v->grid, v->samples, 1, &in, &one, 1, &out, &one, NOMOS_DOUBLE));
  PetscCall(NomosMapGetOptions(v->pde, &options));
  PetscCall(NomosDataWriteSetAttribute(v->out, "generator", options));
  PetscCall(PetscFree(options));
  PetscCall(PetscSNPrintf(seed, sizeof(seed), "%" PetscInt_FMT, v->seed));
  PetscCall(NomosDataWriteSetAttribute(v->out, "seed", seed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a bar on a terminal, elsewhere a line every 30 s */
static PetscErrorCode Progress(Cli *cli, PetscInt done, PetscInt all, PetscLogDouble start, PetscLogDouble *last)
{
  PetscLogDouble now;
  PetscMPIInt    rank;
  const int      bar = isatty(fileno(PETSC_STDOUT));

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  PetscCall(PetscTime(&now));
  if (rank || (now - *last < (bar ? 0.2 : 30.0) && !(bar && done == all))) PetscFunctionReturn(PETSC_SUCCESS);
  *last = now;
  fprintf(PETSC_STDOUT, "%ssamples %lld/%lld %.0f s left%s", bar ? "\r" : "", (long long)done, (long long)all, (now - start) * (double)(all - done) / (double)done, bar && done < all ? "  " : "\n");
  fflush(PETSC_STDOUT);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Turn t: rank r makes sample t * ranks + r. An error on one rank ends the run on all. */
static PetscErrorCode Make(Cli *cli, Generate *v)
{
  PetscMPIInt    rank, size;
  PetscLogDouble start, last;
  Vec            a, u;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  PetscCallMPI(MPI_Comm_size(cli->comm, &size));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, v->points, &a));
  PetscCall(VecDuplicate(a, &u));
  PetscCall(PetscTime(&start));
  last = start;
  for (PetscInt at = 0; at < v->samples; at += size) {
    const PetscInt     mine = at + rank, have = mine < v->samples ? 1 : 0;
    PetscErrorCode     ierr = have ? NomosMapSample(v->pde, v->seed, v->first + mine, a, u) : PETSC_SUCCESS;
    PetscMPIInt        bad  = ierr ? 1 : 0, any;
    const PetscScalar *x, *y;

    PetscCallMPI(MPI_Allreduce(&bad, &any, 1, MPI_INT, MPI_MAX, cli->comm));
    PetscCall(ierr);
    PetscCheck(!any, cli->comm, PETSC_ERR_LIB, "a sample between %" PetscInt_FMT " and %" PetscInt_FMT " could not be made", v->first + at, v->first + at + size - 1);
    PetscCall(VecGetArrayRead(a, &x));
    PetscCall(VecGetArrayRead(u, &y));
    PetscCall(NomosDataWriteSamples(v->out, have ? mine : 0, have, x, y));
    PetscCall(VecRestoreArrayRead(u, &y));
    PetscCall(VecRestoreArrayRead(a, &x));
    PetscCall(Progress(cli, PetscMin(at + size, v->samples), v->samples, start, &last));
  }
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliGenerate(Cli *cli)
{
  Generate      *v;
  PetscLogDouble start, end;

  PetscFunctionBegin;
  PetscCall(PetscNew(&v));
  PetscCall(Options(cli, v));
  PetscCall(MakeEquation(cli, v));
  PetscCall(CliOptionsDone(cli));
  if (!cli->help) {
    PetscCall(PetscTime(&start));
    PetscCall(CliCheckWritable(cli, "-o", v->file, PETSC_FALSE));
    PetscCall(NomosDataCreate(cli->comm, &v->out));
    PetscCall(Begin(v));
    PetscCall(Make(cli, v));
    PetscCall(NomosDataWriteEnd(v->out));
    PetscCall(NomosDataWriteXdmf(cli->comm, v->file));
    PetscCall(PetscTime(&end));
    PetscCall(PetscPrintf(cli->comm, "%s samples=%" PetscInt_FMT " grid=", v->file, v->samples));
    for (PetscInt j = 0; j < v->grid.dim; j++) PetscCall(PetscPrintf(cli->comm, "%s%" PetscInt_FMT, j ? "x" : "", v->grid.n[j]));
    PetscCall(PetscPrintf(cli->comm, " seed=%" PetscInt_FMT " seconds=%.3f\n", v->seed, (double)(end - start)));
    PetscCall(NomosDataDestroy(&v->out));
  }
  PetscCall(NomosMapDestroy(&v->pde));
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}
