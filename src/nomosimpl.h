/* nomosimpl.h - private: structs of the objects, operations of a map, log events */
#ifndef NOMOSIMPL_H
#define NOMOSIMPL_H

#include "nomos.h"
#include "compat.h"
#include <petsc/private/petscimpl.h>

PETSC_INTERN PetscLogEvent NOMOS_Fwd, NOMOS_Tan, NOMOS_Adj, NOMOS_FFT, NOMOS_Gemm, NOMOS_Modes, NOMOS_Loss, NOMOS_Upd, NOMOS_H5Read, NOMOS_H5Write, NOMOS_Ckpt, NOMOS_Select, NOMOS_Update, NOMOS_SORColor, NOMOS_SORSweep;
PETSC_INTERN PetscFunctionList NomosBackendList, NomosMapList, NomosTunerList; /* emptied by the finalizer */
PETSC_INTERN PetscErrorCode NomosOptionsUseFamily(const char family[]); /* "net", "data", ...: an object of it was made; its unused options are named at the end */
PETSC_INTERN PetscErrorCode NomosOptionsFindWord(PetscObject, const char option[], const char word[], const char *const list[], PetscInt *);

/* Ranks of one node that evaluate one batch together: one working copy of the parameters and one gradient, of which each rank
   makes its shard. common, own: memory that all see (src/problem/exchange.c). */
typedef struct {
  PetscMPIInt     rank, size;
  const PetscInt *starts;        /* rank r has parameters starts[r] .. starts[r+1]-1                         */
  PetscInt        samples, mine; /* room for so many of each rank, and how many this one will add: multiples of the batch */
  char           *common, **own; /* of all; of each rank                                                     */
} NomosTeam;

/* one option text "-a b -c d" for a file, assembled by the type */
typedef struct _NomosMapOps {
  PetscErrorCode (*setfromoptions)(NomosMap, NomosOptionItems);
  PetscErrorCode (*setup)(NomosMap); /* sizes nx, ny, np and blocks; buffers; plans */
  PetscErrorCode (*initialize)(NomosMap, PetscInt64 seed, Vec p);
  PetscErrorCode (*apply)(NomosMap, Vec x, Vec p, Vec y);
  PetscErrorCode (*linearize)(NomosMap, Vec x, Vec p, Vec y);
  PetscErrorCode (*tangent)(NomosMap, Vec dx, Vec dp, Vec dy);
  PetscErrorCode (*adjoint)(NomosMap, Vec dy, Vec dx, PetscBool wantp); /* adds the parameters' part into the map's own buffer */
  PetscErrorCode (*gradientzero)(NomosMap);
  PetscErrorCode (*gradientget)(NomosMap, Vec dp);
  /* optional, together. Begin writes my parameters, and the other verbs then take all from the team, once every rank has been there;
     End, when every rank has added its last sample, gives my part of the gradient (NULL: unwanted). Sizes in bytes; 0: not this map. */
  PetscErrorCode (*teamsize)(NomosMap, const NomosTeam *, size_t *common, size_t *own);
  PetscErrorCode (*teambegin)(NomosMap, const NomosTeam *, const PetscScalar p[]);
  PetscErrorCode (*teamend)(NomosMap, PetscScalar g[]);
  PetscErrorCode (*fieldadjoint)(NomosMap, const char slot[], Vec *);
  PetscErrorCode (*fieldtangent)(NomosMap, const char slot[], Vec da, Vec dy); /* adds; of slots that fieldadjoint answers for */
  PetscErrorCode (*sample)(NomosMap, PetscInt64 seed, PetscInt64 index, Vec a, Vec u);
  PetscErrorCode (*getoptions)(NomosMap, char text[], size_t len); /* appends the type's own settings */
  PetscErrorCode (*view)(NomosMap, PetscViewer);
  PetscErrorCode (*reset)(NomosMap); /* drops what setup made */
  PetscErrorCode (*destroy)(NomosMap);
} NomosMapOps;

#define NOMOS_MAX_SLOTS 8
struct _p_NomosMap {
  PETSCHEADER(NomosMapOps);
  const char    *family;
  void          *data; /* the type's */
  NomosBackend   backend; /* as the user chose it */
  NomosBackend   be;      /* same table in this map's precision, made at SetUp */
  NomosPrecision precision;
  NomosGrid      grid, outgrid;
  PetscBool      grid_set, outgrid_set, setup, linearized, adjoint_open, normalizer_set, check;
  PetscInt       channels_in, channels_out, batch;
  PetscInt       nx, np, ny;           /* lengths of x, p, y                                          */
  PetscInt       segments, segment_size;
  PetscReal     *norm_in, *norm_out;   /* [2][channels]: mean, std; NULL: none                        */
  PetscInt       nblocks;
  NomosBlock    *blocks;
  Vec            p;                    /* used where a verb gets NULL                                 */
  PetscInt       nslots;
  const char    *slots[NOMOS_MAX_SLOTS]; /* declared by the type, in its Create                       */
  Vec            fields[NOMOS_MAX_SLOTS];
};
PETSC_INTERN PetscErrorCode NomosMapAddBlock(NomosMap, const char name[], PetscBool iscomplex, PetscInt rank, const PetscInt shape[]); /* at the end of p */
PETSC_INTERN PetscErrorCode NomosMapReset(NomosMap); /* drops what SetUp made; settings, fields and parameters stay */
PETSC_INTERN PetscErrorCode NomosMapTeamSize(NomosMap, const NomosTeam *, size_t *common, size_t *own);
PETSC_INTERN PetscErrorCode NomosMapTeamBegin(NomosMap, const NomosTeam *, const PetscScalar p[]);
PETSC_INTERN PetscErrorCode NomosMapTeamEnd(NomosMap, PetscScalar g[]);
PETSC_INTERN PetscErrorCode NomosMapDeclareSlot(NomosMap, const char name[]); /* name must be a literal */
PETSC_INTERN PetscErrorCode NomosMapCheckFirst(NomosMap, Vec x, Vec p); /* -map_check, before the first linearization */
PETSC_INTERN PetscErrorCode NomosMapClone(NomosMap, NomosMap *); /* same settings and normalisers; no grid, batch or parameters */
PETSC_INTERN PetscErrorCode NomosMapCreateFromText(MPI_Comm, const char options[], NomosMap *);
PETSC_INTERN PetscErrorCode NomosMapGetModelOptions(NomosMap, char **); /* with the training grid; PetscFree() */
PETSC_INTERN PetscErrorCode NomosGridPoints(const NomosGrid *, PetscInt *);

/* errors of one prediction after another on one grid, in physical units: what -report and the fixed output lines show.
   Exported for the tests, not public. p and y are [channel][point] on the host; rel_h1 and rel_hm1 are NaN where no
   transform of that size is built. */
typedef struct _n_NomosReport *NomosReport;
PETSC_EXTERN PetscErrorCode NomosReportCreate(const NomosGrid *, PetscInt channels, NomosReport *);
PETSC_EXTERN PetscErrorCode NomosReportSample(NomosReport, const PetscScalar p[], const PetscScalar y[], NomosErrors *);
PETSC_EXTERN PetscErrorCode NomosReportDestroy(NomosReport *);

#endif
