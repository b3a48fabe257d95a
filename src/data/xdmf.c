/*
  xdmf.c - the side file that lets ParaView open a data set: XDMF 2, a collection of boxes, one for every sample, or for a file
  with times one collection for every sample and a box for every time; each channel a scalar cut out of the HDF5 file, which is
  named without its folder because the two lie side by side. Boxes of one and two axes are flat ones of three.
*/
#include "dataimpl.h"
#include "picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GRIDS 65536 /* more are not listed: nobody steps through them, and the text would be larger than the data */

typedef struct {
  FILE               *f;
  const NomosDataset *d;
  NomosH5             h;
  double             *time; /* of the levels; NULL: the file has none */
  char                base[6 * 256]; /* a name as it stands in XML: a letter may take six */
} Xdmf;

/* Letters that XML keeps for itself; others of a name, such as those of UTF-8, stay as they are. */
static int Escape(const char name[], char out[], size_t len)
{
  size_t n = 0;

  for (; *name; name++) {
    const char *as = *name == '<' ? "&lt;" : *name == '>' ? "&gt;" : *name == '&' ? "&amp;" : *name == '"' ? "&quot;" : NULL;
    const int   k  = as ? snprintf(out + n, len - n, "%s", as) : snprintf(out + n, len - n, "%c", *name);

    if ((unsigned char)*name < 32 || n + (size_t)k >= len) return 1;
    n += (size_t)k;
  }
  out[n] = 0;
  return 0;
}

static void Dims(FILE *f, const int64_t v[], int n)
{
  for (int i = 0; i < n; i++) fprintf(f, "%s%lld", i ? " " : "", (long long)v[i]);
}

/* points of a box, z y x, missing axes are 1 */
static void Box(const NomosDataset *d, int64_t n[3], double origin[3], double spacing[3])
{
  for (int i = 0; i < 3; i++) n[i] = 1, origin[i] = 0, spacing[i] = 1;
  for (int i = 0; i < d->dim; i++) {
    const int at = 3 - d->dim + i;

    n[at]       = d->n[i];
    origin[at]  = d->offset[i];
    spacing[at] = d->periodic[i] || d->n[i] < 2 ? d->length[i] / (double)d->n[i] : d->length[i] / (double)(d->n[i] - 1);
  }
}

/* One channel of one field at one sample and level: start, stride and count in the array as it is stored. */
static int PutChannel(Xdmf *x, int side, const NomosField *field, int64_t sample, int64_t level, int64_t channel, NomosWhy *why)
{
  char        path[NOMOS_MAX_NAME];
  NomosH5Info info;
  int64_t     start[NOMOS_MAX_RANK] = {0}, count[NOMOS_MAX_RANK], n[3];
  double      origin[3], spacing[3];
  int         space;

  snprintf(path, sizeof(path), "/%s/%s", NomosSides[side], field->name);
  if (NomosH5GetInfo(x->h, path, &info, why)) return why->code;
  Box(x->d, n, origin, spacing);
  space = info.rank - x->d->dim;
  for (int i = 0; i < info.rank; i++) count[i] = i < space ? 1 : info.shape[i];
  start[0] = sample;
  start[1] = channel;
  if (space == 3) start[2] = level;
  fprintf(x->f, "        <Attribute Name=\"%s %s", NomosSides[side], field->name);
  if (field->channels > 1) fprintf(x->f, " %lld", (long long)channel);
  fprintf(x->f, "\" AttributeType=\"Scalar\" Center=\"Node\">\n          <DataItem ItemType=\"HyperSlab\" Dimensions=\"");
  Dims(x->f, n, 3);
  fprintf(x->f, "\">\n            <DataItem Dimensions=\"3 %d\" Format=\"XML\">", info.rank);
  Dims(x->f, start, info.rank);
  for (int i = 0; i < info.rank; i++) fprintf(x->f, " 1");
  fputc(' ', x->f);
  Dims(x->f, count, info.rank);
  fprintf(x->f, "</DataItem>\n            <DataItem Dimensions=\"");
  Dims(x->f, info.shape, info.rank);
  fprintf(x->f, "\" NumberType=\"Float\" Precision=\"%d\" Format=\"HDF\">%s:%s</DataItem>\n          </DataItem>\n        </Attribute>\n", info.size, x->base, path);
  return 0;
}

static int PutGrid(Xdmf *x, int64_t sample, int64_t level, int64_t number, NomosWhy *why)
{
  int64_t n[3];
  double  origin[3], spacing[3];

  Box(x->d, n, origin, spacing);
  fprintf(x->f, "      <Grid Name=\"sample %lld", (long long)sample);
  if (x->d->frames) fprintf(x->f, " level %lld", (long long)level);
  fprintf(x->f, "\" GridType=\"Uniform\">\n        <Time Value=\"%.17g\"/>\n        <Topology TopologyType=\"3DCoRectMesh\" Dimensions=\"", x->time ? x->time[level] : (double)number);
  Dims(x->f, n, 3);
  fprintf(x->f, "\"/>\n        <Geometry GeometryType=\"ORIGIN_DXDYDZ\">\n          <DataItem Dimensions=\"3\" Format=\"XML\">%.17g %.17g %.17g</DataItem>\n          <DataItem Dimensions=\"3\" Format=\"XML\">%.17g %.17g %.17g</DataItem>\n        </Geometry>\n", origin[0], origin[1], origin[2], spacing[0], spacing[1], spacing[2]);
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < x->d->nfields[s]; i++)
      for (int64_t c = 0; c < x->d->field[s][i].channels; c++)
        if (PutChannel(x, s, &x->d->field[s][i], sample, level, c, why)) return why->code;
  fprintf(x->f, "      </Grid>\n");
  return 0;
}

static int PutAll(Xdmf *x, NomosWhy *why)
{
  const int64_t levels = x->d->frames > 0 ? x->d->frames : 1;
  int64_t       number = 0;

  fprintf(x->f, "<?xml version=\"1.0\"?>\n<Xdmf Version=\"2.0\">\n  <Domain>\n");
  if (!x->time) fprintf(x->f, "    <Grid Name=\"samples\" GridType=\"Collection\" CollectionType=\"Temporal\">\n");
  for (int64_t s = 0; s < x->d->samples && number + levels <= MAX_GRIDS; s++) {
    if (x->time) fprintf(x->f, "    <Grid Name=\"sample %lld\" GridType=\"Collection\" CollectionType=\"Temporal\">\n", (long long)s);
    for (int64_t t = 0; t < levels; t++)
      if (PutGrid(x, s, t, number++, why)) return why->code;
    if (x->time) fprintf(x->f, "    </Grid>\n");
  }
  if (!x->time) fprintf(x->f, "    </Grid>\n");
  fprintf(x->f, "  </Domain>\n</Xdmf>\n");
  return 0;
}

static int ReadTimes(Xdmf *x, NomosWhy *why)
{
  if (!x->d->frames) return 0;
  if (!(x->time = (double *)malloc((size_t)x->d->frames * sizeof(*x->time)))) return NomosWhySet(why, PETSC_ERR_MEM, "no memory for %lld time levels", (long long)x->d->frames);
  return NomosH5Read(x->h, "/time", NULL, NULL, x->time, why);
}

/* FILE.h5 -> FILE.xdmf */
static PetscErrorCode WriteHere(const char file[], NomosWhy *why)
{
  NomosDataset d;
  Xdmf         x    = {.d = &d};
  const char  *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file, *dot = strrchr(base, '.');
  const int    stem = (int)(dot && dot != base ? dot - file : (long)strlen(file));
  char         name[PETSC_MAX_PATH_LEN + 8], *part;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  snprintf(name, sizeof(name), "%.*s.xdmf", PetscMin(stem, PETSC_MAX_PATH_LEN - 1), file);
  if (Escape(base, x.base, sizeof(x.base))) NomosWhySet(why, PETSC_ERR_ARG_WRONG, "the name '%s' is too long or holds a control letter, which cannot stand in an XML file; choose another one", base);
  if (why->code || NomosDatasetOpen(file, &x.h, &d, why)) PetscFunctionReturn(PETSC_SUCCESS);
  if (ReadTimes(&x, why)) {
    free(x.time);
    NomosH5Close(&x.h);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(NomosPartOpen(name, &x.f, &part));
  PutAll(&x, why);
  free(x.time);
  ierr = NomosPartClose(name, &x.f, &part, why->code ? why->text : NULL);
  NomosH5Close(&x.h);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosDataWriteXdmf - writes FILE.xdmf beside a finished data set FILE.h5, so that ParaView can open it

  Collective

  Input Parameters:
+ comm - rank 0 of it reads and writes
- file - a data set (nomos-dataset/1), for example a prediction

  Notes:
  Without times every sample is a step of one collection; in a file with /time every sample is a collection of its own and its
  steps have the file's times. Every channel is a scalar at the points. At most 65536 steps are listed. The two files must stay
  side by side.

  Errors: PETSC_ERR_FILE_OPEN, PETSC_ERR_FILE_UNEXPECTED where the data set cannot be read, PETSC_ERR_FILE_WRITE where the
          side file cannot be written; on every rank

  Level: beginner
.seealso: `NomosDataWriteEnd()`, `NomosProblemPredict()`
@*/
PetscErrorCode NomosDataWriteXdmf(MPI_Comm comm, const char file[])
{
  NomosWhy       why = {0, ""};
  PetscMPIInt    rank;
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) ierr = WriteHere(file, &why);
  if (ierr) NomosWhySet(&why, PETSC_ERR_FILE_WRITE, "the side file of '%s' could not be written: is its folder writable, the disk full?", file);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}
