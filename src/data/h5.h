/*
  h5.h - private to the files of this folder that call libhdf5: its error printing silenced and restored, attributes written.
*/
#ifndef NOMOS_H5_H
#define NOMOS_H5_H
#include "data.h"
#include <hdf5.h>

typedef struct {
  H5E_auto2_t print;
  void       *data;
} NomosHushed;

PETSC_INTERN NomosHushed NomosHush(void);
PETSC_INTERN void        NomosUnhush(NomosHushed);
PETSC_INTERN int         NomosH5PutAttribute(hid_t, const char name[], hid_t type, const void *value); /* replaces an older one */
PETSC_INTERN int         NomosH5PutString(hid_t, const char name[], const char value[]);

#endif
