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
PETSC_INTERN char NomosH5GetKind(NomosH5, const char object[]);                              /* 'd' dataset, 'g' group, 0           */
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

/* ---- how a file reaches the disk and its name (finish.c) ------------------------------------------------------- */
PETSC_INTERN int NomosWriteAll(int fd, const void *bytes, size_t n);                    /* 0 or errno                          */
PETSC_INTERN int NomosSyncRename(const char part[], const char path[], NomosWhy *);     /* fsync, rename, fsync of the folder  */

/* ---- writing nomos-dataset/1 (write.c), on one rank ----------------------------------------------------------- */
typedef struct _n_NomosWriter *NomosWriter;
PETSC_INTERN int  NomosWriterOpen(const char path[], const NomosDataset *, int single, NomosWriter *, NomosWhy *);
PETSC_INTERN int  NomosWriterSetAttribute(NomosWriter, const char name[], const char value[], NomosWhy *);
PETSC_INTERN int  NomosWriterPut(NomosWriter, int side, int64_t first, int64_t n, const double values[], int allow_nan, NomosWhy *); /* values[n][channels of the side][grid] */
PETSC_INTERN int  NomosWriterClose(NomosWriter *, NomosWhy *); /* verifies and renames; with why set, or an error: the .part is removed */

/* ---- safetensors: weights for exchange (safetensors.c) --------------------------------------------------------- */
typedef struct _n_NomosTensors *NomosTensors;
typedef struct {
  char     name[NOMOS_MAX_NAME];
  char     dtype[8];              /* F64 F32 F16 BF16 C64 are read, others only listed                   */
  int      rank;                  /* axes as a real tensor: C64 has the trailing axis 2 (re, im)         */
  int64_t  shape[NOMOS_MAX_RANK];
  int64_t  count;                 /* real entries                                                        */
  uint64_t begin, end;            /* bytes in the buffer                                                 */
} NomosTensorInfo;
typedef struct {
  const char    *name;
  int            rank;
  const int64_t *shape;
  const double  *values;
} NomosTensorOut;

PETSC_INTERN int  NomosTensorsOpen(const char path[], NomosTensors *, NomosWhy *);
PETSC_INTERN int  NomosTensorsOpenMemory(const char label[], const void *bytes, uint64_t n, NomosTensors *, NomosWhy *); /* bytes stay the caller's */
PETSC_INTERN void NomosTensorsClose(NomosTensors *);
PETSC_INTERN int  NomosTensorsCount(NomosTensors);
PETSC_INTERN const NomosTensorInfo *NomosTensorsGet(NomosTensors, int);
PETSC_INTERN int         NomosTensorsFind(NomosTensors, const char name[]);        /* number, or -1            */
PETSC_INTERN const char *NomosTensorsGetMetadata(NomosTensors, const char key[]);  /* NULL: no such key        */
PETSC_INTERN int  NomosTensorsRead(NomosTensors, int, double values[], NomosWhy *); /* NaN and Inf are refused */
PETSC_INTERN int  NomosTensorsVerify(NomosTensors, int *summed, NomosWhy *);       /* metadata "sum", where present */
PETSC_INTERN int  NomosTensorsWrite(const char path[], int single, int n, const NomosTensorOut[], int nmeta, const char *const keys[], const char *const values[], NomosWhy *);

/* ---- nomos-checkpoint/1: models and checkpoints (checkpoint.c, checkpointdir.c) -------------------------------- */
/* Built as an image in memory by one rank, then written at once. Groups ("/params", "/optimizer/m") are made as needed. */
typedef struct _n_NomosImage *NomosImage;
PETSC_INTERN int  NomosImageCreate(NomosImage *, NomosWhy *);
PETSC_INTERN int  NomosImageCreateAs(const char schema[], NomosImage *, NomosWhy *); /* another schema in the same container, such as nomos-tuner/1 */
PETSC_INTERN int  NomosImagePutString(NomosImage, const char group[], const char name[], const char value[], NomosWhy *);
PETSC_INTERN int  NomosImagePutInteger(NomosImage, const char group[], const char name[], int64_t value, NomosWhy *);
PETSC_INTERN int  NomosImagePutReal(NomosImage, const char group[], const char name[], double value, NomosWhy *);
PETSC_INTERN int  NomosImagePutTensor(NomosImage, const char group[], const char name[], char type, int rank, const int64_t shape[], const void *values, NomosWhy *); /* type 'd' double, 'f' float, 'i' int64_t */
PETSC_INTERN int  NomosImageWrite(NomosImage, const char path[], int64_t step, NomosWhy *); /* the image stays; on failure nothing is left and nothing is lost */
PETSC_INTERN void NomosImageDestroy(NomosImage *);

typedef struct {
  int64_t  step;
  uint64_t bytes, sum; /* of the file                                   */
  int      tensors;    /* datasets found, each with its sum verified    */
  char     path[4096];
} NomosCheckpoint;
/* Length and file sum, then schema, then the sum of every tensor; read with NomosH5Get...() and NomosH5Read() */
PETSC_INTERN int NomosCheckpointOpen(const char path[], NomosH5 *, NomosCheckpoint *, NomosWhy *);
PETSC_INTERN int NomosCheckpointOpenAs(const char path[], const char schema[], NomosH5 *, NomosCheckpoint *, NomosWhy *);
PETSC_INTERN int NomosCheckpointVerifyBlock(const void *bytes, uint64_t n, NomosCheckpoint *, NomosWhy *); /* a whole file in memory: length and sum */
/* A folder of checkpoint-%09d.h5. Save keeps the newest `keep` (at least 2) that verify and removes older ones. Newest
   opens the newest that verifies; skipped says which were passed over and why ("" if none). found 0: no checkpoint there. */
PETSC_INTERN int NomosCheckpointSave(const char folder[], int keep, NomosImage, int64_t step, NomosWhy *);
PETSC_INTERN int NomosCheckpointFolder(const char folder[], NomosWhy *); /* makes it; refuses one that takes no files */
PETSC_INTERN int NomosCheckpointNewest(const char folder_or_file[], NomosH5 *, NomosCheckpoint *, int *found, char skipped[], size_t len, NomosWhy *);

/* ---- weights: a model from either kind of file (weights.c) ------------------------------------------------------ */
/* nomos-checkpoint/1 (/params, /config@options) or safetensors (metadata "config"), told apart by content when read and by
   the suffix .safetensors when written. Options are already clean (optionlist.c); "" where the file has none. */
typedef struct _n_NomosWeights *NomosWeights;
PETSC_INTERN int  NomosWeightsOpen(const char path[], NomosWeights *, NomosWhy *);
PETSC_INTERN void NomosWeightsClose(NomosWeights *);
PETSC_INTERN const char *NomosWeightsGetOptions(NomosWeights);
PETSC_INTERN int  NomosWeightsCount(NomosWeights);
PETSC_INTERN int  NomosWeightsGet(NomosWeights, int i, const char *name[], int *rank, int64_t shape[], NomosWhy *); /* complex: trailing axis 2 */
PETSC_INTERN int  NomosWeightsFind(NomosWeights, const char name[]);               /* number, or -1                       */
PETSC_INTERN int  NomosWeightsRead(NomosWeights, int i, double values[], NomosWhy *); /* NaN and Inf are refused          */
PETSC_INTERN int  NomosWeightsWrite(const char path[], const char options[], int single, int n, const NomosTensorOut[], NomosWhy *);

/* ---- option lists from files (optionlist.c) --------------------------------------------------------------------- */
/* What a stranger's file may set: -net_ -constraint_ -pde_ -loss_ -tao_ -data_normalize_; nothing that loads code, reads or
   writes files. clean has room for strlen(text) + 1; dropped counts what was left out. */
PETSC_INTERN int NomosOptionListClean(const char label[], const char text[], char clean[], int *dropped, NomosWhy *);

#endif
