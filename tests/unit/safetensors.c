/*
  safetensors: values of reference weights (the expected numbers were read with numpy), every type, round trips, and a list
  of malformed files, each refused for its own reason.
*/
#include "src/data/data.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#define NOMOSTEST_NO_PETSC
#include "nomostest.h"

static unsigned char file[1 << 16];

/* A file from a header and a number of bytes counting up. */
static size_t Make(const char header[], size_t bytes)
{
  const size_t n = strlen(header);

  for (int i = 0; i < 8; i++) file[i] = (unsigned char)(n >> 8 * i);
  memcpy(file + 8, header, n);
  for (size_t i = 0; i < bytes; i++) file[8 + n + i] = (unsigned char)i;
  return 8 + n + bytes;
}

static void Golden(void)
{
  NomosWhy     why = {0, ""};
  NomosTensors t;
  double       v[768], sum = 0, all = 0;
  int          k;

  CheckTrue("opens", !NomosTensorsOpen(NomosTestFile("tests/golden/fno2d.safetensors"), &t, &why));
  CheckInt("tensors", NomosTensorsCount(t), 32);
  CheckTrue("metadata", !strcmp(NomosTensorsGetMetadata(t, "format"), "pt") && !NomosTensorsGetMetadata(t, "config"));
  k = NomosTensorsFind(t, "fno_blocks.convs.1.weight.tensor");
  CheckInt("entries", NomosTensorsGet(t, k)->count, 768);
  CheckTrue("shape", NomosTensorsGet(t, k)->rank == 5 && NomosTensorsGet(t, k)->shape[2] == 6 && NomosTensorsGet(t, k)->shape[4] == 2);
  NomosTensorsRead(t, k, v, &why);
  CheckClose("entry [1][2][3][1][1]", v[(((1 * 4 + 2) * 6 + 3) * 4 + 1) * 2 + 1], -0.6307890582156038, 0);
  for (int i = 0; i < 768; i++) sum += v[i];
  CheckClose("sum of one", sum, -1.089060548457311, 768 * 2.3e-16 * 2); /* 768 additions of numbers below 2 */
  for (int i = 0; i < NomosTensorsCount(t); i++) {
    NomosTensorsRead(t, i, v, &why);
    for (int64_t j = 0; j < NomosTensorsGet(t, i)->count; j++) all += v[j];
  }
  CheckClose("sum of all", all, -10.391490426599896, 3000 * 2.3e-16 * 12); /* 3000 additions to sums below 12 */
  CheckInt("absent", NomosTensorsFind(t, "nothing"), -1);
  CheckTrue(why.text, !why.code);
  NomosTensorsClose(&t);
}

/* The same weights stored as pairs of F32 and as C64. */
static void Complex(void)
{
  NomosWhy     why = {0, ""};
  NomosTensors a, b;
  double       v[768], w[768];

  NomosTensorsOpen(NomosTestFile("tests/golden/fno2d_f32.safetensors"), &a, &why);
  NomosTensorsOpen(NomosTestFile("tests/golden/fno2d_f32_c64.safetensors"), &b, &why);
  for (int i = 0; i < NomosTensorsCount(a); i++) {
    const NomosTensorInfo *p = NomosTensorsGet(a, i);
    const int              k = NomosTensorsFind(b, p->name);
    const NomosTensorInfo *q = NomosTensorsGet(b, k);

    CheckTrue(p->name, p->rank == q->rank && !memcmp(p->shape, q->shape, sizeof(int64_t) * (size_t)p->rank));
    NomosTensorsRead(a, i, v, &why);
    NomosTensorsRead(b, k, w, &why);
    CheckTrue(p->name, !memcmp(v, w, sizeof(double) * (size_t)p->count));
  }
  CheckTrue(why.text, !why.code);
  NomosTensorsClose(&a);
  NomosTensorsClose(&b);
}

static void Halves(void)
{
  static const uint16_t half[8]  = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x8000, 0x03ff};
  static const double   value[8] = {1, -2, 65504, 0x1p-24, 0x1p-14, 0x1.554p-2, 0, 1023 * 0x1p-24}; /* IEEE 754 binary16 */
  static const uint16_t bf[4]    = {0x3f80, 0xc000, 0x7f7f, 0x0001};
  static const double   big[4]   = {1, -2, 0x1.fep127, 0x1p-133}; /* the upper half of a float */
  NomosWhy              why      = {0, ""};
  NomosTensors          t;
  double                v[8];
  size_t                n = Make("{\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[16,24]},\"h\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", 24);

  memcpy(file + n - 24, half, 16);
  memcpy(file + n - 8, bf, 8);
  CheckTrue("opens", !NomosTensorsOpenMemory("halves", file, n, &t, &why));
  NomosTensorsRead(t, NomosTensorsFind(t, "h"), v, &why);
  for (int i = 0; i < 8; i++) CheckClose("F16", v[i], value[i], 0);
  NomosTensorsRead(t, NomosTensorsFind(t, "b"), v, &why);
  for (int i = 0; i < 4; i++) CheckClose("BF16", v[i], big[i], 0);
  CheckTrue(why.text, !why.code);
  NomosTensorsClose(&t);
  file[n - 24] = 0x00;
  file[n - 23] = 0x7c; /* infinity */
  NomosTensorsOpenMemory("halves", file, n, &t, &why);
  CheckInt("Inf is refused", NomosTensorsRead(t, NomosTensorsFind(t, "h"), v, &why), PETSC_ERR_FP);
  NomosTensorsClose(&t);
}

static void RoundTrip(int single)
{
  NomosWhy             why      = {0, ""};
  const int64_t        shape[3] = {3, 5, 2}, one[1] = {7};
  double               a[30], b[7], v[30];
  const NomosTensorOut out[3]    = {{"z.weight", 3, shape, a}, {"a.bias", 1, one, b}, {"scale", 0, NULL, b}};
  const char          *keys[2]   = {"schema", "config"};
  const char          *values[2] = {"nomos-checkpoint/1", "-net_type fno\n-net_fno_modes 8,8"};
  NomosTensors         t;
  int                  summed;
  FILE                *f;

  for (int i = 0; i < 30; i++) a[i] = sin(i) * pow(2, i - 15);
  for (int i = 0; i < 7; i++) b[i] = 1.0 / (i + 1);
  CheckTrue("written", !NomosTensorsWrite("out.safetensors", single, 3, out, 2, keys, values, &why));
  CheckTrue("no .part", access("out.safetensors.part", F_OK) != 0);
  CheckTrue(why.code ? why.text : "opens", !NomosTensorsOpen("out.safetensors", &t, &why));
  CheckTrue(why.code ? why.text : "sum", !NomosTensorsVerify(t, &summed, &why) && summed);
  CheckTrue("options", !strcmp(NomosTensorsGetMetadata(t, "config"), values[1]));
  CheckTrue("format", !strcmp(NomosTensorsGetMetadata(t, "format"), "nomos"));
  for (int k = 0; k < 3; k++) {
    const NomosTensorInfo *e   = NomosTensorsGet(t, NomosTensorsFind(t, out[k].name));
    int                    bad = 0;

    CheckTrue("type", !strcmp(e->dtype, single ? "F32" : "F64") && e->rank == out[k].rank);
    NomosTensorsRead(t, NomosTensorsFind(t, out[k].name), v, &why);
    for (int i = 0; i < e->count; i++) bad += v[i] != (single ? (double)(float)out[k].values[i] : out[k].values[i]);
    CheckInt("entries that differ", bad, 0);
  }
  NomosTensorsClose(&t);
  f = fopen("out.safetensors", "r+b"); /* one bit of a value */
  fseek(f, -9, SEEK_END);
  fputc(0x55, f);
  fclose(f);
  NomosTensorsOpen("out.safetensors", &t, &why);
  CheckInt("a changed value is found", NomosTensorsVerify(t, &summed, &why), PETSC_ERR_FILE_UNEXPECTED);
  NomosTensorsClose(&t);
}

/* An old file survives a full disk. */
static void FullDisk(void)
{
  NomosWhy             why = {0, ""};
  static double        a[4096];
  const int64_t        n      = 4096;
  const NomosTensorOut out[1] = {{"w", 1, &n, a}};
  struct rlimit        old, small;

  getrlimit(RLIMIT_FSIZE, &old);
  small          = old;
  small.rlim_cur = 10000;
  setrlimit(RLIMIT_FSIZE, &small);
  CheckInt("no room", NomosTensorsWrite("out.safetensors", 0, 1, out, 0, NULL, NULL, &why), PETSC_ERR_FILE_WRITE);
  setrlimit(RLIMIT_FSIZE, &old);
  CheckTrue(why.text, strstr(why.text, "File too large") && access("out.safetensors.part", F_OK) && !access("out.safetensors", F_OK));
}

static void Malformed(void)
{
  static const struct {
    const char *header;
    size_t      bytes;
    const char *words;
  } cases[] = {
    {"[]", 0, "does not begin with '{'"},
    {"{ ", 0, "not the JSON"},
    {"{} x", 0, "not the JSON"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "duplicate"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "something else than integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "axis below 1"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "axis below 1"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "too many entries"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "more than 8 axes"},
    {"{\"a\":{\"dtype\":\"C64\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,8]}}", 8, "more than 8 axes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "do not fit its data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,5000000000]}}", 4, "outside the file's buffer"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "outside the file's buffer"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "follows a hole"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "overlaps"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "cut or extended"},
    {"{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "type that is not known"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "exactly dtype"},
    {"{\"../a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "name with other characters"},
    {"{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "not the JSON"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "something else than a string"},
    {"{\"__metadata__\":[]}", 0, "not a map"},
    {"{\"a\":[[[[[[[[[]]]]]]]]]}", 0, "nested more than 8"}
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    NomosWhy     why = {0, ""};
    NomosTensors t;

    CheckInt(cases[i].header, NomosTensorsOpenMemory("malformed", file, Make(cases[i].header, cases[i].bytes), &t, &why), PETSC_ERR_FILE_UNEXPECTED);
    CheckTrue(why.text, strstr(why.text, cases[i].words) != NULL);
    NomosTensorsClose(&t);
  }
  for (int k = 0; k < 3; k++) { /* lengths of the header that cannot be */
    NomosWhy     why = {0, ""};
    NomosTensors t;
    size_t       n = Make("{}", 0);

    file[k == 0 ? 0 : (k == 1 ? 4 : 7)] = 0xff;
    CheckInt("header length", NomosTensorsOpenMemory("malformed", file, n, &t, &why), PETSC_ERR_FILE_UNEXPECTED);
    CheckTrue(why.text, strstr(why.text, "not a safetensors file") != NULL);
  }
}

/* Depth and number of entries are bounded before the parser allocates. */
static void Excess(int deep)
{
  const size_t   n = 8 + 900000;
  unsigned char *p = (unsigned char *)malloc(n);
  const size_t   header = n - 8;
  NomosWhy       why    = {0, ""};
  NomosTensors   t;

  for (int i = 0; i < 8; i++) p[i] = (unsigned char)(header >> 8 * i);
  for (size_t i = 8; i < n; i++) p[i] = (unsigned char)(deep ? 0x5b /* an opening bracket */ : "\"a\":{} ,"[i % 8]);
  memcpy(p + 8, "{       ", 8);
  CheckInt("excess", NomosTensorsOpenMemory("excess", p, n, &t, &why), PETSC_ERR_FILE_UNEXPECTED);
  CheckTrue(why.text, strstr(why.text, deep ? "nested more than 8" : "more than 100000 entries") != NULL);
  free(p);
}

int main(void)
{
  Excess(0);
  Excess(1);
  Golden();
  Complex();
  Halves();
  RoundTrip(0);
  RoundTrip(1);
  FullDisk();
  Malformed();
  return NomosTestResult();
}

/*TEST
  sanitize: yes
  sources: src/data/guard.c src/data/finish.c src/data/safetensors.c
  np: 1
TEST*/
