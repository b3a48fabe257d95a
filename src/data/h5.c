/*
  h5.c - what the readers and writers of HDF5 share: silence, and scalar attributes.
*/
#include "h5.h"
#include <string.h>

NomosHushed NomosHush(void)
{
  NomosHushed h = {NULL, NULL};

  H5Eget_auto2(H5E_DEFAULT, &h.print, &h.data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return h;
}

void NomosUnhush(NomosHushed h)
{
  H5Eclear2(H5E_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, h.print, h.data);
}

int NomosH5PutAttribute(hid_t object, const char name[], hid_t type, const void *value)
{
  hid_t space = H5Screate(H5S_SCALAR), a;
  int   err;

  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  a   = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  err = a < 0 || H5Awrite(a, type, value) < 0;
  if (a >= 0) H5Aclose(a);
  H5Sclose(space);
  return err;
}

int NomosH5PutString(hid_t object, const char name[], const char value[])
{
  hid_t type = H5Tcopy(H5T_C_S1);
  int   err;

  H5Tset_size(type, strlen(value) + 1);
  err = NomosH5PutAttribute(object, name, type, value);
  H5Tclose(type);
  return err;
}
