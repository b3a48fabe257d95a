/*
  cli.h - the program `nomos`: one file per verb, on the public interface alone.

    main.c       verbs, options, help, how an error reaches the user
    train.c predict.c generate.c info.c check.c   the verbs
    compare.c    check -reference: a model against stored outputs, losses and gradients
    inspect.c    a file of a stranger, parsed in a child process
    pictures.c   curves and fields of a run
    files.c      lists of files, names made of names, can it be written
*/
#ifndef NOMOS_CLI_H
#define NOMOS_CLI_H

#include "nomos.h"
#include "compat.h"

#define CLI_MAX_FILES 256 /* in a list of files */
#define CLI_TEXT      65536 /* what info prints about one file */

/* what a verb is called with: the words after the options were taken out */
typedef struct {
  MPI_Comm    comm;
  const char *file;   /* `nomos info FILE`; NULL: none was given */
  PetscBool   help;   /* only the options are wanted: stop after they were asked for */
  PetscBool   strict; /* -nomos_strict */
  int         status; /* exit status of a verb that worked: check -reference sets it to 1 */
} Cli;

PETSC_INTERN PetscErrorCode CliTrain(Cli *);
PETSC_INTERN PetscErrorCode CliPredict(Cli *);
PETSC_INTERN PetscErrorCode CliGenerate(Cli *);
PETSC_INTERN PetscErrorCode CliInfo(Cli *);
PETSC_INTERN PetscErrorCode CliCheck(Cli *);
PETSC_INTERN PetscErrorCode CliCompare(Cli *, const char model[], const char reference[]);

/* main.c */
PETSC_INTERN PetscErrorCode CliOptionsDone(Cli *); /* every option of this run was asked for by now */
/* inspect.c */
PETSC_INTERN int            CliInspectChild(int argc, char **argv);                                      /* in the child  */
PETSC_INTERN PetscErrorCode CliInspect(Cli *, const char file[], PetscBool *sound, char text[], size_t len); /* all ranks get it */
PETSC_INTERN PetscErrorCode CliRequireSound(Cli *, PetscInt n, char *const files[]);                     /* or an error   */
/* files.c */
typedef struct {
  PetscInt n;
  char    *name[CLI_MAX_FILES + 1]; /* one more, to see that there are too many */
} CliFiles;
PETSC_INTERN PetscErrorCode CliFilesDestroy(CliFiles *);
PETSC_INTERN PetscErrorCode CliFilesCheck(Cli *, const char option[], const CliFiles *); /* not too many */
PETSC_INTERN PetscErrorCode CliCheckWritable(Cli *, const char option[], const char file[], PetscBool lines); /* before hours of work, not after; lines: text, which a device may take too */
PETSC_INTERN int            CliIsDevice(const char file[]);
PETSC_INTERN PetscErrorCode CliCheckDistinct(Cli *, const char option[], const char file[], const char used_by[], PetscInt n, char *const others[]); /* nothing that a run reads is overwritten */
PETSC_INTERN void           CliStem(const char path[], PetscBool folder, char out[], size_t len); /* a/b.h5 -> a/b, or b */
PETSC_INTERN PetscErrorCode CliSameText(Cli *, char text[], size_t len);                           /* rank 0's            */
/* predict.c */
PETSC_INTERN PetscErrorCode CliPrintErrors(Cli *, NomosProblem, NomosData, const char file[], NomosErrors per_sample[]);
/* pictures.c */
PETSC_INTERN PetscErrorCode CliPicturesFolder(Cli *, const char out[], const char wanted[], char folder[], size_t len); /* "": none */
PETSC_INTERN PetscErrorCode CliPictureHistory(Cli *, const char folder[], const char history[], const CliFiles *tests);
PETSC_INTERN PetscErrorCode CliPictureSamples(Cli *, NomosMap, NomosData, const char file[], const char folder[]);

#endif
