/*
  data.h - private: files, for src/data and for those who keep something in them (map, problem, program).

  The format layer (hdf5.c dataset.c checkpoint.c safetensors.c check.c) is plain C: it calls neither MPI nor PETSc and takes
  memory from malloc(), because `nomos check` and the fuzz tests parse strangers' files in processes that have neither.
  Each of its functions returns 0 or a PETSC_ERR_ code, and leaves in a NomosWhy one sentence: what was found, what was
  expected, what to do. why.c turns that into an error that is raised on every rank.
*/
#ifndef NOMOS_DATA_H
#define NOMOS_DATA_H

#include <petscsys.h>
#include <stddef.h>
#include <stdint.h>

/* ---- why a file was refused (why.c) ---------------------------------------------------------------------------- */
typedef struct {
  int  code;       /* 0, or a PETSC_ERR_ code */
  char text[1024]; /* one sentence            */
} NomosWhy;

PETSC_INTERN int NomosWhySet(NomosWhy *, int code, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(3, 4); /* the first reason stays; returns why->code */
PETSC_INTERN PetscErrorCode NomosWhyRaise(MPI_Comm, NomosWhy *); /* collective: the reason of the lowest rank that has one becomes an error on all */

/* ---- names and sums (hdf5.c) ----------------------------------------------------------------------------------- */
#define NOMOS_MAX_RANK 8
#define NOMOS_MAX_NAME 256 /* a path inside a file, with its terminating zero */

PETSC_INTERN uint64_t NomosMix(uint64_t);                                                 /* splitmix64                                  */
PETSC_INTERN uint64_t NomosSum(const void *values, int size, int64_t first, int64_t n);   /* part of @nomos_sum: parts add up            */
PETSC_INTERN int      NomosCheckName(const char name[]);                                  /* 1 if it may name a field, block or option  */
PETSC_INTERN int      NomosShapeCount(int rank, const int64_t shape[], int64_t *count);   /* 0 if every axis is in 1..2^40, no overflow */

/* ---- a guarded HDF5 file, read-only (hdf5.c) ------------------------------------------------------------------- */
typedef struct _n_NomosH5 *NomosH5;
typedef struct {
  int      rank;
  int64_t  shape[NOMOS_MAX_RANK];
  int64_t  count;   /* product of shape                         */
  char     kind;    /* 'f' float, 'i' signed, 'u' unsigned      */
  int      size;    /* bytes per value                          */
  int      has_sum; /* carries @nomos_sum                       */
  uint64_t sum;
} NomosH5Info;

PETSC_INTERN int  NomosH5Open(const char path[], NomosH5 *, NomosWhy *);
PETSC_INTERN void NomosH5Close(NomosH5 *);
PETSC_INTERN int  NomosH5Has(NomosH5, const char object[]);                            /* 1 if there, through hard links only   */
PETSC_INTERN int  NomosH5HasAttribute(NomosH5, const char object[], const char name[]);
PETSC_INTERN int  NomosH5GetString(NomosH5, const char object[], const char name[], char value[], size_t len, NomosWhy *);
PETSC_INTERN int  NomosH5GetNumber(NomosH5, const char object[], const char name[], int integer, void *value, NomosWhy *); /* int64_t or double */
PETSC_INTERN int  NomosH5List(NomosH5, const char group[], int max, int *n, char (*names)[NOMOS_MAX_NAME], NomosWhy *);
PETSC_INTERN int  NomosH5GetInfo(NomosH5, const char object[], NomosH5Info *, NomosWhy *);
PETSC_INTERN int  NomosH5Read(NomosH5, const char object[], const int64_t start[], const int64_t count[], double values[], NomosWhy *); /* NULL, NULL: all */
PETSC_INTERN int  NomosH5ReadIntegers(NomosH5, const char object[], int64_t values[], NomosWhy *);
PETSC_INTERN int  NomosH5Scan(NomosH5, const char object[], int64_t *nonfinite, NomosWhy *); /* every value: verifies @nomos_sum, counts NaN and Inf */
PETSC_INTERN const char *NomosH5GetPath(NomosH5);

/* ---- schema nomos-dataset/1 (dataset.c) ------------------------------------------------------------------------ */
#define NOMOS_MAX_FIELDS 32
#define NOMOS_MAX_FIELD_NAME 64
typedef struct {
  char    name[NOMOS_MAX_FIELD_NAME];
  int64_t channels;
  int64_t frames; /* 0: no time axis */
} NomosField;
typedef struct { /* plain: broadcast as bytes */
  int        dim;
  int64_t    n[3];
  double     length[3], offset[3];
  int        periodic[3];
  int64_t    samples, frames; /* frames: length of /time, 0 without */
  int        nfields[2];      /* [0] input, [1] output              */
  NomosField field[2][NOMOS_MAX_FIELDS];
  int64_t    nsplit[3]; /* train, valid, test; -1: absent      */
  int        sums;      /* fields that carry a sum             */
  char       problem[64];
} NomosDataset;
extern PETSC_VISIBILITY_INTERNAL const char *const NomosSplitNames[3];
extern PETSC_VISIBILITY_INTERNAL const char *const NomosSides[2];

PETSC_INTERN int NomosDatasetOpen(const char path[], NomosH5 *, NomosDataset *, NomosWhy *);        /* schema and small values        */
PETSC_INTERN int NomosDatasetScan(NomosH5, const NomosDataset *, int allow_nan, NomosWhy *);       /* every field value              */
PETSC_INTERN int NomosDatasetReadSplit(NomosH5, const NomosDataset *, int which, int64_t list[], NomosWhy *);
PETSC_INTERN int NomosDatasetReadField(NomosH5, const NomosDataset *, int side, int field, int all_frames, int64_t first, int64_t n, double values[], NomosWhy *);

/* ---- writing nomos-dataset/1 (write.c), on one rank ----------------------------------------------------------- */
typedef struct _n_NomosWriter *NomosWriter;
PETSC_INTERN int  NomosWriterOpen(const char path[], const NomosDataset *, int single, NomosWriter *, NomosWhy *);
PETSC_INTERN int  NomosWriterSetAttribute(NomosWriter, const char name[], const char value[], NomosWhy *);
PETSC_INTERN int  NomosWriterPut(NomosWriter, int side, int64_t first, int64_t n, const double values[], int allow_nan, NomosWhy *); /* values[n][channels of the side][grid] */
PETSC_INTERN int  NomosWriterClose(NomosWriter *, NomosWhy *); /* verifies and renames; with why set, or an error: the .part is removed */
PETSC_INTERN int  NomosSyncRename(const char part[], const char path[], NomosWhy *); /* fsync, rename, fsync of the folder */

#endif
