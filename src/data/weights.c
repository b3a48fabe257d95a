/*
  weights.c - the weights of a model with its option list, from and to either kind of file: nomos-checkpoint/1 or safetensors.
  Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TENSORS 8192

struct _n_NomosWeights {
  NomosTensors tensors; /* one of the two */
  NomosH5      h5;
  int          n;
  char (*names)[NOMOS_MAX_NAME]; /* of h5 */
  char *options;
};

static int TakeOptions(NomosWeights w, const char path[], const char options[], NomosWhy *why)
{
  int dropped; /* a file may hold options of other programs; `nomos info` counts them */

  w->options = (char *)calloc(strlen(options) + 1, 1);
  return w->options ? NomosOptionListClean(path, options, w->options, &dropped, why) : NomosWhySet(why, PETSC_ERR_MEM, "no memory for the options of '%s'", path);
}

static int OpenTensors(NomosWeights w, const char path[], NomosWhy *why)
{
  const char *config;
  int         summed;

  if (NomosTensorsOpen(path, &w->tensors, why) || NomosTensorsVerify(w->tensors, &summed, why)) return why->code;
  w->n   = NomosTensorsCount(w->tensors);
  config = NomosTensorsGetMetadata(w->tensors, "config");
  return TakeOptions(w, path, config ? config : "", why);
}

static int OpenCheckpoint(NomosWeights w, const char path[], NomosWhy *why)
{
  NomosCheckpoint c;
  char           *options;

  if (NomosCheckpointOpen(path, &w->h5, &c, why)) return why->code;
  if (!NomosH5Has(w->h5, "/params")) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' holds no group '/params'; expected a model", path);
  w->names = (char(*)[NOMOS_MAX_NAME])malloc((size_t)MAX_TENSORS * NOMOS_MAX_NAME);
  options  = (char *)calloc(65536, 1);
  if (!w->names || !options) NomosWhySet(why, PETSC_ERR_MEM, "no memory for the names in '%s'", path);
  else NomosH5List(w->h5, "/params", MAX_TENSORS, &w->n, w->names, why);
  if (!why->code && NomosH5HasAttribute(w->h5, "/config", "options")) NomosH5GetString(w->h5, "/config", "options", options, 65536, why);
  if (!why->code) TakeOptions(w, path, options, why);
  free(options);
  return why->code;
}

int NomosWeightsOpen(const char path[], NomosWeights *out, NomosWhy *why)
{
  NomosWeights w = (NomosWeights)calloc(1, sizeof(*w));
  char         head[8] = "";
  FILE        *f;

  *out = NULL;
  if (!w) return NomosWhySet(why, PETSC_ERR_MEM, "no memory to open '%s'", path);
  if ((f = fopen(path, "rb"))) {
    if (fread(head, 1, sizeof(head), f) != sizeof(head)) head[0] = 0;
    fclose(f);
  }
  if (!memcmp(head, "NOMOSCK1", 8)) OpenCheckpoint(w, path, why);
  else if (!memcmp(head, "\x89HDF\r\n\x1a\n", 8)) NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' is an HDF5 file, but no model of Nomos (is it a data set?); expected a model or safetensors", path);
  else OpenTensors(w, path, why); /* also says what is wrong with a missing file */
  if (why->code) NomosWeightsClose(&w);
  *out = w;
  return why->code;
}

void NomosWeightsClose(NomosWeights *w)
{
  if (!*w) return;
  NomosTensorsClose(&(*w)->tensors);
  NomosH5Close(&(*w)->h5);
  free((*w)->names);
  free((*w)->options);
  free(*w);
  *w = NULL;
}

const char *NomosWeightsGetOptions(NomosWeights w) { return w->options; }

int NomosWeightsCount(NomosWeights w) { return w->n; }

static void PathOf(NomosWeights w, int i, char path[2 * NOMOS_MAX_NAME]) { snprintf(path, 2 * NOMOS_MAX_NAME, "/params/%s", w->names[i]); }

int NomosWeightsGet(NomosWeights w, int i, const char *name[], int *rank, int64_t shape[], NomosWhy *why)
{
  if (w->tensors) {
    const NomosTensorInfo *e = NomosTensorsGet(w->tensors, i);

    if (name) *name = e->name;
    *rank = e->rank;
    memcpy(shape, e->shape, sizeof(e->shape));
  } else {
    NomosH5Info info;
    char        path[2 * NOMOS_MAX_NAME];

    PathOf(w, i, path);
    if (NomosH5GetInfo(w->h5, path, &info, why)) return why->code;
    if (name) *name = w->names[i];
    *rank = info.rank;
    memcpy(shape, info.shape, sizeof(info.shape));
  }
  return 0;
}

int NomosWeightsFind(NomosWeights w, const char name[])
{
  if (w->tensors) return NomosTensorsFind(w->tensors, name);
  for (int i = 0; i < w->n; i++)
    if (!strcmp(w->names[i], name)) return i;
  return -1;
}

int NomosWeightsRead(NomosWeights w, int i, double values[], NomosWhy *why)
{
  char path[2 * NOMOS_MAX_NAME];

  if (w->tensors) return NomosTensorsRead(w->tensors, i, values, why);
  PathOf(w, i, path);
  return NomosH5Read(w->h5, path, NULL, NULL, values, why); /* finite: seen when the file was opened */
}

static int WriteCheckpoint(const char path[], const char options[], int single, int n, const NomosTensorOut out[], NomosWhy *why)
{
  NomosImage image;

  if (NomosImageCreate(&image, why)) return why->code;
  NomosImagePutString(image, "/config", "options", options, why);
  for (int k = 0; k < n && !why->code; k++) {
    int64_t count;
    float  *f;

    if (!single || NomosShapeCount(out[k].rank, out[k].shape, &count)) {
      NomosImagePutTensor(image, "/params", out[k].name, 'd', out[k].rank, out[k].shape, out[k].values, why);
      continue;
    }
    if (!(f = (float *)malloc((size_t)count * sizeof(*f)))) {
      NomosWhySet(why, PETSC_ERR_MEM, "no memory to write '%s'", path);
      break;
    }
    for (int64_t i = 0; i < count; i++) f[i] = (float)out[k].values[i];
    NomosImagePutTensor(image, "/params", out[k].name, 'f', out[k].rank, out[k].shape, f, why);
    free(f);
  }
  if (!why->code) NomosImageWrite(image, path, 0, why);
  NomosImageDestroy(&image);
  return why->code;
}

int NomosWeightsWrite(const char path[], const char options[], int single, int n, const NomosTensorOut out[], NomosWhy *why)
{
  const char *dot = strrchr(path, '.'), *keys[2] = {"schema", "config"}, *values[2];

  values[0] = "nomos-checkpoint/1";
  values[1] = options;
  if (dot && !strcmp(dot, ".safetensors")) return NomosTensorsWrite(path, single, n, out, 2, keys, values, why);
  return WriteCheckpoint(path, options, single, n, out, why);
}
