/*
   The side file for ParaView. A small reader goes through its text and compares every cut with the shapes that the data
   sets' README states: it must stay inside the array, hold one point for each point of the box, and the cuts of a step
   must be those of its sample and time level.
*/
#include "nomostest.h"
#include <nomos.h>
#include <hdf5.h>
#include <string.h>
#include <unistd.h>

static char *Slurp(const char path[])
{
  FILE *f = fopen(path, "rb");
  char *text;
  long  n;

  if (!f) return NULL;
  fseek(f, 0, SEEK_END);
  n    = ftell(f);
  text = (char *)calloc((size_t)n + 1, 1);
  rewind(f);
  if (text && fread(text, 1, (size_t)n, f) != (size_t)n) text[0] = 0;
  fclose(f);
  return text;
}

static int Copy(const char from[], const char to[])
{
  FILE  *a = fopen(from, "rb"), *b = fopen(to, "wb");
  char   part[65536];
  size_t n;
  int    bad = !a || !b;

  while (!bad && (n = fread(part, 1, sizeof(part), a))) bad = fwrite(part, 1, n, b) != n;
  if (a) fclose(a);
  if (b) bad |= fclose(b) != 0;
  return bad;
}

/* Text between the next ">" behind key and the "<" after it, as numbers; moves *at behind it. */
static int Next(const char **at, const char key[], double v[], int most)
{
  const char *s = strstr(*at, key);
  int         n = 0;

  if (!s || !(s = strchr(s, '>'))) return -1;
  for (s++; n < most && *s && *s != '<'; n++) {
    char *end;

    v[n] = strtod(s, &end);
    if (end == s) break;
    s = end;
  }
  *at = s;
  return n;
}

/* Numbers inside key="...". */
static int Attribute(const char *at, const char key[], double v[], int most)
{
  const char *s = strstr(at, key);
  int         n = 0;

  if (!s) return -1;
  for (s += strlen(key) + 2; n < most && *s != '"'; n++) {
    char *end;

    v[n] = strtod(s, &end);
    if (end == s) break;
    s = end;
  }
  return n;
}

static int Times(const char *text, const char what[])
{
  int n = 0;

  for (; (text = strstr(text, what)); text += strlen(what)) n++;
  return n;
}

/* Elements open and close in order. */
static int WellFormed(const char *s)
{
  char open[32][32];
  int  depth = 0;

  while ((s = strchr(s, '<'))) {
    const char *end = strchr(s, '>');
    size_t      n;

    if (!end) return 0;
    if (s[1] == '?') {
      s = end;
      continue;
    }
    if (s[1] == '/') {
      n = (size_t)(end - s - 2);
      if (!depth || strlen(open[depth - 1]) != n || strncmp(open[depth - 1], s + 2, n)) return 0;
      depth--;
    } else if (end[-1] != '/') {
      n = strcspn(s + 1, " >");
      if (depth == 32 || n > 31) return 0;
      memcpy(open[depth], s + 1, n);
      open[depth++][n] = 0;
    }
    s = end;
  }
  return !depth;
}

typedef struct {
  const char *path;        /* "u.h5:/output/u" */
  int         rank, timed; /* time is axis 2 */
  double      shape[6];
  int         bytes;
} Want;

/* One attribute: its hyperslab and the array it cuts. */
static void Cut(const char **at, const Want *w, int points, int sample, int level)
{
  double slab[18], shape[6], product = 1;
  int    inside = 1, same = 1, n = Next(at, "Format=\"XML\"", slab, 18);

  CheckInt("a cut has start, stride and count", n, 3 * w->rank);
  if (n != 3 * w->rank) return;
  CheckInt("the array's rank", Attribute(*at, "Dimensions", shape, 6), w->rank);
  for (int i = 0; i < w->rank; i++) {
    same &= shape[i] == w->shape[i];
    inside &= slab[i] >= 0 && slab[w->rank + i] == 1 && slab[2 * w->rank + i] >= 1 && slab[i] + slab[2 * w->rank + i] <= w->shape[i];
    product *= slab[2 * w->rank + i];
  }
  CheckTrue("the shape is the file's", same);
  CheckTrue("the cut lies inside", inside);
  CheckClose("as many numbers as points", product, points, 0);
  CheckClose("sample", slab[0], sample, 0);
  CheckClose("one sample", slab[2 * w->rank], 1, 0);
  CheckClose("channel", slab[1], 0, 0);
  if (w->timed) CheckClose("time level", slab[2], level, 0);
  else if (w->rank > 2) CheckClose("space is whole", slab[2], 0, 0);
  CheckClose("bytes per number", Attribute(*at, "Precision", slab, 1) == 1 ? slab[0] : -1, w->bytes, 0);
  *at = strstr(*at, "Format=\"HDF\">");
  CheckTrue("the file is named without its folder", *at && !strncmp(*at + 13, w->path, strlen(w->path)) && (*at)[13 + strlen(w->path)] == '<');
}

/* The times as they stand in the file; without them the number of the step. */
static void ReadTimes(double t[], int levels)
{
  hid_t f = H5Fopen("u.h5", H5F_ACC_RDONLY, H5P_DEFAULT), d = H5Dopen2(f, "time", H5P_DEFAULT), space = H5Dget_space(d);

  CheckTrue("times", H5Sget_simple_extent_npoints(space) == levels && H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, t) >= 0);
  H5Sclose(space);
  H5Dclose(d);
  H5Fclose(f);
}

static PetscErrorCode OneFile(const char source[], int steps, int levels, const double n[3], const double length[3], const Want want[2])
{
  char       *text;
  const char *at;
  double      times[64];

  PetscFunctionBegin;
  CheckTrue("the data set can be copied", !Copy(NomosTestFile(source), "u.h5"));
  if (levels > 1) ReadTimes(times, levels);
  PetscCall(NomosDataWriteXdmf(PETSC_COMM_WORLD, "./u.h5"));
  CheckTrue("nothing is left beside the file", access("u.xdmf.part", F_OK));
  text = Slurp("u.xdmf");
  CheckTrue("the side file is there", text != NULL);
  if (!text) PetscFunctionReturn(PETSC_SUCCESS);
  CheckTrue("elements open and close in order", WellFormed(text));
  CheckInt("steps", Times(text, "GridType=\"Uniform\""), steps);
  CheckInt("a collection in time; where the file has times, one for each sample", Times(text, "CollectionType=\"Temporal\""), levels > 1 ? steps / levels : 1);
  CheckInt("one attribute for each field of a step", Times(text, "<Attribute "), 2 * steps);
  at = text;
  for (int k = 0; k < steps && at; k++) {
    double v[6];

    at = strstr(at, "GridType=\"Uniform\"");
    CheckTrue("time", Attribute(at, "Value", v, 1) == 1 && v[0] == (levels > 1 ? times[k % levels] : k));
    CheckTrue("points z y x", Attribute(strstr(at, "3DCoRectMesh"), "Dimensions", v, 6) == 3 && v[0] == n[0] && v[1] == n[1] && v[2] == n[2]);
    CheckTrue("origin 0", Next(&at, "Format=\"XML\"", v, 6) == 3 && v[0] == 0 && v[1] == 0 && v[2] == 0);
    CheckInt("spacing", Next(&at, "Format=\"XML\"", v, 6), 3);
    /* n spacings make a period, n - 1 a box with both walls; a missing axis has spacing 1. The quotient rounds once. */
    for (int i = 0; i < 3; i++) CheckClose("spacing", v[i], length[i], 1e-15);
    for (int i = 0; i < 2 && at; i++) Cut(&at, &want[i], (int)(n[0] * n[1] * n[2]), k / levels, k % levels);
  }
  free(text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const Want darcy[2]   = {{"u.h5:/input/a", 4, 0, {50, 1, 32, 32}, 4}, {"u.h5:/output/u", 4, 0, {50, 1, 32, 32}, 4}};
  const Want burgers[2] = {{"u.h5:/input/u0", 3, 0, {400, 1, 16}, 8}, {"u.h5:/output/u", 4, 1, {400, 1, 17, 16}, 8}};
  PetscErrorCode ierr;

  NomosTestBegin(argc, argv);
  PetscCall(OneFile("examples/data/darcy32_test.h5", 50, 1, (const double[]){1, 32, 32}, (const double[]){1, 1.0 / 31, 1.0 / 31}, darcy));
  PetscCall(OneFile("examples/data/burgers16_test.h5", 6800, 17, (const double[]){1, 1, 16}, (const double[]){1, 1, 1.0 / 16}, burgers));
  { /* letters that XML keeps for itself */
    char *text;

    CheckTrue("the data set can be copied", !Copy(NomosTestFile("examples/data/darcy32_test.h5"), "a<b>&\"c\".h5"));
    PetscCall(NomosDataWriteXdmf(PETSC_COMM_WORLD, "a<b>&\"c\".h5"));
    text = Slurp("a<b>&\"c\".xdmf");
    CheckTrue("the side file is there", text != NULL);
    CheckTrue("elements open and close in order", text && WellFormed(text));
    CheckInt("the name as XML writes it", text ? Times(text, ">a&lt;b&gt;&amp;&quot;c&quot;.h5:/output/u<") : 0, 50);
    free(text);
  }
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = NomosDataWriteXdmf(PETSC_COMM_WORLD, "missing.h5");
  CheckTrue("no data set", ierr != PETSC_SUCCESS && access("missing.xdmf", F_OK));
  PetscCall(PetscPopErrorHandler());
  return NomosTestEnd();
}

/*TEST
  np: 1
TEST*/
