/*
  Weights of a model from either kind of file: the peer's safetensors written as a model of ours and back, bit for bit; option
  lists survive, those a file may not set do not.
*/
#include "src/data/data.h"
#include <string.h>
#define NOMOSTEST_NO_PETSC
#include "nomostest.h"

#define MAX 64

static void Copy(const char from[], const char to[], const char options[], const char want[], int single)
{
  NomosWhy       why = {0, ""};
  NomosWeights   a, b;
  NomosTensorOut out[MAX];
  int64_t        shape[MAX][NOMOS_MAX_RANK];
  double        *v[MAX], *w;
  int            n, rank;

  CheckTrue(why.text, !NomosWeightsOpen(from, &a, &why));
  n = NomosWeightsCount(a);
  for (int i = 0; i < n; i++) {
    int64_t count;

    NomosWeightsGet(a, i, &out[i].name, &out[i].rank, shape[i], &why);
    NomosShapeCount(out[i].rank, shape[i], &count);
    v[i] = (double *)malloc((size_t)count * sizeof(double));
    NomosWeightsRead(a, i, v[i], &why);
    out[i].shape  = shape[i];
    out[i].values = v[i];
  }
  CheckTrue("written", !NomosWeightsWrite(to, options, single, n, out, &why));
  CheckTrue("opens", !NomosWeightsOpen(to, &b, &why));
  CheckTrue(why.text, !why.code);
  CheckInt("tensors", NomosWeightsCount(b), n);
  CheckTrue(NomosWeightsGetOptions(b), !strcmp(NomosWeightsGetOptions(b), want));
  for (int i = 0; i < n; i++) {
    const int k = NomosWeightsFind(b, out[i].name);
    int64_t   other[NOMOS_MAX_RANK], count;

    CheckTrue(out[i].name, k >= 0 && !NomosWeightsGet(b, k, NULL, &rank, other, &why));
    CheckTrue("shape", rank == out[i].rank && !memcmp(other, shape[i], sizeof(int64_t) * (size_t)rank));
    NomosShapeCount(rank, other, &count);
    w = (double *)malloc((size_t)count * sizeof(double));
    NomosWeightsRead(b, k, w, &why);
    CheckTrue("values", !memcmp(w, v[i], sizeof(double) * (size_t)count));
    free(w);
  }
  CheckInt("absent", NomosWeightsFind(b, "nothing"), -1);
  for (int i = 0; i < n; i++) free(v[i]);
  NomosWeightsClose(&a);
  NomosWeightsClose(&b);
}

static void Refuse(const char path[], const char words[])
{
  NomosWhy     why = {0, ""};
  NomosWeights w;

  CheckTrue(path, NomosWeightsOpen(path, &w, &why) != 0 && !w);
  CheckTrue(why.text, strstr(why.text, words) != NULL);
}

int main(void)
{
  Copy(NomosTestFile("tests/golden/fno2d.safetensors"), "a.h5", "-net_type fno -dll_append x.so -net_fno_modes 6,6", "-net_type fno -net_fno_modes 6,6", 0);
  Copy("a.h5", "b.safetensors", "-net_type fno", "-net_type fno", 0);
  Copy(NomosTestFile("tests/golden/fno2d_f32_c64.safetensors"), "c.h5", "", "", 1); /* float32 fits float32 */
  Copy("c.h5", "d.safetensors", "# nothing\n-net_type fno\n", "-net_type fno", 1);
  Refuse("no-such-model.h5", "No such file");
  Refuse(NomosTestFile("examples/data/darcy16_test.h5"), "is it a data set?");
  Refuse(NomosTestFile("LICENSE"), "not a safetensors file");
  return NomosTestResult();
}

/*TEST
  sanitize: yes
  sources: src/data/guard.c src/data/finish.c src/data/h5.c src/data/hdf5.c src/data/checkpoint.c src/data/optionlist.c src/data/safetensors.c src/data/weights.c
  np: 1
TEST*/
