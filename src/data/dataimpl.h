/*
  dataimpl.h - the NomosData object, shared by data.c (settings), samples.c (reading) and output.c (writing).
*/
#ifndef NOMOS_DATAIMPL_H
#define NOMOS_DATAIMPL_H
#define NOMOS_MAX_FILES 256 /* in a list of -data */

#include "../nomosimpl.h"
#include "data.h"

struct _NomosDataOps {
  int none;
};

struct _p_NomosData {
  PETSCHEADER(struct _NomosDataOps);
  PetscInt     nfiles;
  char       **files, *filenames; /* one by one, and joined by commas       */
  PetscInt     nnames[2];         /* asked for with -data_input, _output    */
  char       **names[2];
  PetscInt     first, wanted;     /* range over all files                   */
  PetscBool    all_frames, allow_nan;
  PetscInt64   cache;             /* bytes                                  */
  /* made by SetUp */
  PetscBool    setup, resident;
  NomosDataset ds;                /* of the concatenation; fields as chosen */
  PetscInt    *starts;            /* [nfiles + 1] first sample of each file */
  NomosH5     *h5;                /* open where the data are streamed       */
  NomosDataset *each;             /* header of each file                    */
  PetscInt     samples, channels[2], points;
  PetscScalar *values[2];         /* resident                               */
  PetscInt     nsplit[3];
  PetscInt    *split[3];
  /* writing */
  NomosWriter  writer;
  NomosDataset out;
};

PETSC_INTERN PetscErrorCode NomosDataReset(NomosData); /* drops what SetUp made */
#endif
