/*
  The Python snippet of docs/files.md, run as it stands there, makes a data set that NomosData reads. Skipped without h5py.
*/
#include <nomos.h>
#include "nomostest.h"

static int Extract(const char page[], const char script[])
{
  FILE *in = fopen(page, "r"), *out = fopen(script, "w");
  char  line[1000];
  int   inside = 0, lines = 0;

  if (!in || !out) return 0;
  while (fgets(line, sizeof(line), in)) {
    if (!strncmp(line, "```", 3)) {
      if (inside) break; /* the first block is the one */
      inside = !strncmp(line, "```python", 9);
    } else if (inside) {
      fputs(line, out);
      lines++;
    }
  }
  fclose(in);
  fclose(out);
  return lines;
}

int main(int argc, char **argv)
{
  static const char *const pythons[] = {"python3", "/usr/bin/python3"};
  const char              *file = "mine.h5", *python = NULL;
  char                     command[256], sentence[1000];
  NomosData                data;
  NomosGrid                grid;
  PetscInt                 samples, in, out;
  PetscScalar              a[1024], u[1024];
  double                   sum = 0;

  NomosTestBegin(argc, argv);
  for (int i = 0; i < 2 && !python; i++) {
    snprintf(command, sizeof(command), "%s -c 'import h5py, numpy' 2> /dev/null", pythons[i]);
    if (!system(command)) python = pythons[i];
  }
  if (!python) return NomosTestSkip("no Python with h5py");
  remove(file);
  CheckInt("lines of the snippet", Extract(NomosTestFile("docs/files.md"), "snippet.py"), 10);
  snprintf(command, sizeof(command), "%s snippet.py", python);
  CheckInt("the snippet runs", system(command), 0);
  CheckInt("nomos check", NomosCheckFileHere(file, sentence, sizeof(sentence)), 0);
  CheckTrue(sentence, strstr(sentence, "samples=100 grid=32x32 input=1 output=1") != NULL);
  PetscCall(NomosDataCreate(PETSC_COMM_WORLD, &data));
  PetscCall(NomosDataSetFiles(data, 1, &file));
  PetscCall(NomosDataSetUp(data));
  PetscCall(NomosDataGetGrid(data, &grid));
  PetscCall(NomosDataGetSize(data, &samples));
  PetscCall(NomosDataGetChannels(data, &in, &out));
  CheckTrue("grid", grid.dim == 2 && grid.n[0] == 32 && grid.n[1] == 32 && grid.length[0] == 1);
  CheckTrue("sizes", samples == 100 && in == 1 && out == 1);
  PetscCall(NomosDataGetSamples(data, 1, NULL, a, u));
  for (int i = 0; i < 32; i++) sum += PetscRealPart(a[i]) / 32; /* u is the running mean of a along x */
  CheckClose("u = sum of a / 32", PetscRealPart(u[31]), sum, 32 * 6e-8); /* 32 additions in float32 */
  PetscCall(NomosDataDestroy(&data));
  return NomosTestEnd();
}

/*TEST
  np: 1
TEST*/
