/* Linked into the tests of a sanitizer build: plug-ins of MPI stay loaded, so that leak reports can name (and lsan.supp can
   recognize) the library a block came from. */
__attribute__((visibility("default"))) int dlclose(void *handle);
int dlclose(void *handle)
{
  (void)handle;
  return 0;
}
