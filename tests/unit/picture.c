/*
   Pictures: ticks and colours at known places, pixels of small fields read back by libpng, curves where they belong,
   odd input, and files that cannot be written. Closed forms only; no stored picture.
*/
#include "nomostest.h"
#include <data/picture.h>
#include <png.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPS 2.2204460492503131e-16

typedef struct {
  int            w, h;
  unsigned char *rgb;
} Image;

static int ImageRead(const char path[], Image *m)
{
  png_image p;

  memset(&p, 0, sizeof(p));
  memset(m, 0, sizeof(*m));
  p.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&p, path)) return 1;
  p.format = PNG_FORMAT_RGB;
  m->w     = (int)p.width;
  m->h     = (int)p.height;
  m->rgb   = (unsigned char *)malloc(PNG_IMAGE_SIZE(p));
  if (!m->rgb || !png_image_finish_read(&p, NULL, m->rgb, 0, NULL)) return 1;
  return 0;
}

static int Same(const Image *m, int x, int y, NomosColour c)
{
  const unsigned char *p = m->rgb + 3 * ((size_t)y * (size_t)m->w + (size_t)x);

  return p[0] == c.r && p[1] == c.g && p[2] == c.b;
}

/* A line between two rows of pixels covers both by 95 %, so its own colour need not occur. */
static int Near(const Image *m, int x, int y, NomosColour c)
{
  const unsigned char *p = m->rgb + 3 * ((size_t)y * (size_t)m->w + (size_t)x);

  return abs(p[0] - c.r) <= 16 && abs(p[1] - c.g) <= 16 && abs(p[2] - c.b) <= 16;
}

/* Pixels of one colour, and the box around them. */
static int Count(const Image *m, int (*like)(const Image *, int, int, NomosColour), NomosColour c, NomosBox *b)
{
  int n = 0;

  *b = (NomosBox){m->w, m->h, 0, 0};
  for (int y = 0; y < m->h; y++)
    for (int x = 0; x < m->w; x++)
      if (like(m, x, y, c)) {
        n++;
        *b = (NomosBox){PetscMin(b->x0, x), PetscMin(b->y0, y), PetscMax(b->x1, x + 1), PetscMax(b->y1, y + 1)};
      }
  return n;
}

static void TicksAre(const char what[], const NomosTicks *t, int n, const double at[], const char *const label[], const char note[])
{
  char say[128];

  CheckInt(what, t->n, n);
  for (int i = 0; i < n && i < t->n; i++) {
    snprintf(say, sizeof(say), "%s: tick %d '%s' is '%s'", what, i, t->label[i], label[i]);
    CheckClose(say, t->at[i], at[i], 4 * EPS * fabs(at[i])); /* one division and one product round */
    CheckTrue(say, !strcmp(t->label[i], label[i]));
  }
  snprintf(say, sizeof(say), "%s: note '%s' is '%s'", what, t->note, note);
  CheckTrue(say, !strcmp(t->note, note));
}

static void Ticks(void)
{
  NomosTicks t;

  NomosTicksLinear(0, 1, 5, &t);
  TicksAre("0 to 1", &t, 6, (const double[]){0, 0.2, 0.4, 0.6, 0.8, 1}, (const char *const[]){"0", "0.2", "0.4", "0.6", "0.8", "1"}, "");
  NomosTicksLinear(-3, 17, 4, &t);
  TicksAre("-3 to 17", &t, 4, (const double[]){0, 5, 10, 15}, (const char *const[]){"0", "5", "10", "15"}, "");
  NomosTicksLinear(0, 1e-12, 4, &t);
  TicksAre("0 to 1e-12", &t, 5, (const double[]){0, 2.5e-13, 5e-13, 7.5e-13, 1e-12}, (const char *const[]){"0", "0.25", "0.5", "0.75", "1"}, "x10\001-12");
  NomosTicksLinear(-1e9, 1e9, 4, &t);
  TicksAre("+-1e9", &t, 5, (const double[]){-1e9, -5e8, 0, 5e8, 1e9}, (const char *const[]){"-1", "-0.5", "0", "0.5", "1"}, "x10\0019");
  NomosTicksLinear(0, 20000, 4, &t);
  TicksAre("0 to 20000", &t, 5, (const double[]){0, 5000, 10000, 15000, 20000}, (const char *const[]){"0", "5000", "10000", "15000", "20000"}, "");
  NomosTicksLinear(1000000, 1000004, 4, &t);
  TicksAre("a million and little", &t, 5, (const double[]){1000000, 1000001, 1000002, 1000003, 1000004}, (const char *const[]){"0", "1", "2", "3", "4"}, "+1000000");
  NomosTicksLog(1e-3, 10, 10, &t);
  TicksAre("four decades", &t, 5, (const double[]){1e-3, 1e-2, 1e-1, 1, 10}, (const char *const[]){"10\001-3", "10\001-2", "10\001-1", "10\0010", "10\0011"}, "");
  CheckInt("thin marks at 2 to 9 of four decades", t.nminor, 32);
  NomosTicksLog(1e-300, 1e300, 10, &t);
  CheckTrue("600 decades: some ticks, not many", t.n >= 3 && t.n <= NOMOS_MAX_TICKS && t.nminor <= NOMOS_MAX_MINOR);
  NomosTicksLog(0.15, 0.6, 10, &t);
  TicksAre("within a decade", &t, 5, (const double[]){0.2, 0.3, 0.4, 0.5, 0.6}, (const char *const[]){"0.2", "0.3", "0.4", "0.5", "0.6"}, "");
}

/* Any two numbers become a range with ticks inside it. */
static void Ranges(void)
{
  const double v[] = {0, 1, -1, 1e-320, 1e-12, 1e9, 1e300, -1e308, 1.7e308, INFINITY, -INFINITY, NAN, 1 + EPS};

  for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
    for (size_t j = 0; j < sizeof(v) / sizeof(v[0]); j++) {
      double     lo = v[i], hi = v[j];
      NomosTicks t;
      int        good = 1;

      NomosRangeWiden(&lo, &hi);
      CheckTrue("a range is finite and has a width", isfinite(lo) && isfinite(hi) && hi > lo && isfinite(hi - lo));
      NomosTicksLinear(lo, hi, 5, &t);
      for (int k = 0; k < t.n; k++) good &= t.at[k] >= lo - 1e-8 * (hi - lo) && t.at[k] <= hi + 1e-8 * (hi - lo) && (!k || t.at[k] > t.at[k - 1]) && t.label[k][0] && strlen(t.label[k]) < 12;
      CheckTrue("ticks ascend within the range and have short labels", good && t.n >= 2);
    }
}

static void Numbers(void)
{
  const struct {
    double      v;
    const char *text;
  } k[] = {{0, "0"}, {1, "1"}, {-0.25, "-0.25"}, {0.0125, "0.0125"}, {123456, "123500"}, {1.5e-9, "1.5e-9"}, {-3e20, "-3e20"}, {9.99999, "10"}, {0.001, "0.001"}, {NAN, "nan"}, {-INFINITY, "-inf"}};
  char s[24], say[64];

  for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
    NomosNumber(k[i].v, s, sizeof(s));
    snprintf(say, sizeof(say), "number '%s' is '%s'", s, k[i].text);
    CheckTrue(say, !strcmp(s, k[i].text));
  }
}

/* Relative luminance of sRGB (IEC 61966-2-1): a second road to "lighter", independent of OKLab. */
static double Luminance(NomosColour c)
{
  const double v[3] = {c.r / 255.0, c.g / 255.0, c.b / 255.0}, weight[3] = {0.2126, 0.7152, 0.0722};
  double       sum  = 0;

  for (int i = 0; i < 3; i++) sum += weight[i] * (v[i] <= 0.04045 ? v[i] / 12.92 : pow((v[i] + 0.055) / 1.055, 2.4));
  return sum;
}

static void Colours(void)
{
  const NomosColour lo = NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, 0), hi = NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, 1), zero = NomosColourMap(NOMOS_COLOURS_DIVERGING, 0.5), grey = NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, NAN);
  int               up = 1, away = 1;

  /* viridis: #440154 and #fde725; one unit for the rounding of a byte */
  CheckTrue("sequential begins dark purple", abs(lo.r - 0x44) <= 1 && abs(lo.g - 0x01) <= 1 && abs(lo.b - 0x54) <= 1);
  CheckTrue("sequential ends yellow", abs(hi.r - 0xfd) <= 1 && abs(hi.g - 0xe7) <= 1 && abs(hi.b - 0x25) <= 1);
  CheckTrue("zero is neutral", zero.r == zero.g && zero.g == zero.b && zero.r > 235);
  CheckTrue("NaN is grey", grey.r == grey.g && grey.g == grey.b && grey.r < 200);
  for (int i = 0; i < 50; i++) {
    up &= Luminance(NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, (i + 1) / 50.0)) > Luminance(NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, i / 50.0));
    away &= Luminance(NomosColourMap(NOMOS_COLOURS_DIVERGING, 0.5 + (i + 1) / 100.0)) < Luminance(NomosColourMap(NOMOS_COLOURS_DIVERGING, 0.5 + i / 100.0));
    away &= Luminance(NomosColourMap(NOMOS_COLOURS_DIVERGING, 0.5 - (i + 1) / 100.0)) < Luminance(NomosColourMap(NOMOS_COLOURS_DIVERGING, 0.5 - i / 100.0));
  }
  CheckTrue("sequential grows lighter", up);
  CheckTrue("diverging grows darker away from zero", away);
}

/* Every letter leaves ink, inside its own width but for overhang, and no two look alike. */
static void Letters(void)
{
  unsigned long seen[95];

  for (int ch = 33; ch < 127; ch++) {
    const char    s[2] = {(char)ch, 0};
    NomosCanvas   c;
    unsigned long sum = 5381;
    int           ink = 0;

    if (NomosCanvasCreate(60, 60, &c)) return;
    NomosTextDraw(&c, 10, 40, 32, 0, PETSC_FALSE, (NomosColour){0, 0, 0}, s);
    for (int i = 0; i < 60 * 60 * 3; i++) {
      sum = 33 * sum + c.rgb[i];
      ink += c.rgb[i] < 128;
    }
    CheckTrue("a letter leaves ink", ink > 10);
    seen[ch - 33] = sum;
    for (int k = 33; k < ch; k++) CheckTrue("letters differ", seen[k - 33] != sum);
    if (NomosCanvasDestroy(&c)) return;
  }
  CheckClose("two letters are as wide as both", NomosTextWidth(20, "ab"), NomosTextWidth(20, "a") + NomosTextWidth(20, "b"), 8 * EPS * 20);
}

static PetscErrorCode FieldPixels(void)
{
  const PetscReal v[6] = {0, 1, 2, 3, NAN, 5}; /* two rows of three, y upwards */
  NomosPanel      p    = {.title = "f", .nx = 3, .ny = 2, .values = v};
  NomosBox        b[6];
  Image           m;
  int             n[6], k;

  PetscFunctionBegin;
  PetscCall(NomosPictureFields("field.png", NULL, 1, 1, &p));
  CheckTrue("the picture can be read", !ImageRead("field.png", &m));
  for (k = 0; k < 6; k++) n[k] = Count(&m, Same, NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, v[k] / 5), &b[k]);
  /* 0 and 5 stand in the colour bar as well, and grey at the edges of letters */
  for (k = 1; k < 4; k++) CheckTrue("a cell is one sharp square of many pixels", n[k] >= 60 * 60 && n[k] == (b[k].x1 - b[k].x0) * (b[k].y1 - b[k].y0));
  CheckTrue("cells are equally large", n[1] == n[2] && n[2] == n[3]);
  CheckTrue("cells stand side by side", b[1].x1 == b[2].x0 && b[1].y0 == b[2].y0 && b[3].x1 == b[1].x0);
  CheckTrue("y runs upwards", b[3].y1 == b[1].y0);
  CheckTrue("NaN is grey", Same(&m, (int)(b[1].x0 + b[1].x1) / 2, (int)(b[3].y0 + b[3].y1) / 2, NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, NAN)));
  free(m.rgb);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1024 cells a side, a checkerboard of 0 and 1: the mean of equal shares is 1/2 wherever a pixel covers whole pairs; the
   range is given, so that the bar does not depend on it. */
static PetscErrorCode FieldMean(void)
{
  enum {
    N = 1024
  };
  PetscReal *v;
  NomosPanel p = {.nx = N, .ny = N, .ranged = PETSC_TRUE, .lo = 0, .hi = 1};
  NomosBox   b;
  Image      m;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(N * N, &v));
  for (int i = 0; i < N * N; i++) v[i] = (i % N + i / N) % 2;
  p.values = v;
  PetscCall(NomosPictureFields("mean.png", NULL, 1, 1, &p));
  CheckTrue("the picture can be read", !ImageRead("mean.png", &m));
  CheckTrue("a large field shows means", Count(&m, Same, NomosColourMap(NOMOS_COLOURS_SEQUENTIAL, 0.5), &b) >= 250 * 250);
  free(m.rgb);
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A horizontal line at the middle of the range, and one that falls: where their pixels are. */
static PetscErrorCode CurvePixels(void)
{
  PetscReal  flat[50], fall[50];
  NomosCurve c[2] = {{NULL, 50, NULL, fall}, {NULL, 50, NULL, flat}};
  NomosBox   b, g;
  Image      m;
  int        low = 0;

  PetscFunctionBegin;
  for (int i = 0; i < 50; i++) {
    flat[i] = 1e-2;
    fall[i] = pow(10, -4.0 * i / 49);
  }
  PetscCall(NomosPictureCurves("curve.png", NULL, NULL, NULL, PETSC_TRUE, 2, c));
  CheckTrue("the picture can be read", !ImageRead("curve.png", &m));
  CheckTrue("the falling line is there", Count(&m, Near, NomosColourLine(0), &b) > 300);
  CheckTrue("the flat line is there", Count(&m, Near, NomosColourLine(1), &g) > 300);
  CheckTrue("the flat line is flat", g.y1 - g.y0 <= 3);
  /* 1e-2 is the middle of 1 and 1e-4 in logarithms; two pixels for the width of a line */
  CheckClose("and half way down", (double)(g.y0 + g.y1) / 2, (double)(b.y0 + b.y1) / 2, 2);
  CheckTrue("both run from edge to edge", labs((long)(b.x0 - g.x0)) <= 2 && labs((long)(b.x1 - g.x1)) <= 2 && b.x1 - b.x0 > 700);
  for (int y = (int)b.y1 - 10; y < (int)b.y1; y++) low += Near(&m, (int)b.x1 - 8, y, NomosColourLine(0));
  CheckTrue("down to the right", low > 0);
  free(m.rgb);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OddCurves(void)
{
  const PetscReal one[1] = {3}, gap[5] = {NAN, 1, NAN, INFINITY, 2}, bad[4] = {-1, 0, -5, NAN}, wide[3] = {1e-300, 1, 1e300}, same[3] = {7, 7, 7}, mixed[4] = {-1, 1e-3, 0, 10};
  const NomosCurve odd[] = {{"one", 1, NULL, one}, {"gaps", 5, NULL, gap}, {"none > 0", 4, NULL, bad}, {"wide", 3, NULL, wide}, {"same", 3, NULL, same}, {"empty", 0, NULL, NULL}, {"mixed", 4, NULL, mixed}, {NULL, 3, same, same}};
  NomosCurve many[40];
  PetscReal *long_;
  char       path[64];

  PetscFunctionBegin;
  for (int i = 0; i < 8; i++)
    for (int logy = 0; logy < 2; logy++) {
      snprintf(path, sizeof(path), "odd%d%d.png", i, logy);
      PetscCall(NomosPictureCurves(path, "An odd one", "x", "y", logy ? PETSC_TRUE : PETSC_FALSE, 1, &odd[i]));
    }
  {
    NomosPlot p = {.size = 13, .logy = PETSC_TRUE, .ncurves = 1, .curves = &odd[6]};

    NomosPlotRanges(&p, PETSC_FALSE, 0, 0);
    CheckInt("values <= 0 on a log axis are counted", p.skipped, 2);
    CheckInt("the others are drawn", p.points, 2);
  }
  PetscCall(NomosPictureCurves("none.png", NULL, NULL, NULL, PETSC_TRUE, 0, NULL));
  for (int i = 0; i < 40; i++) many[i] = (NomosCurve){"a name that is much too long for the legend of a picture, and goes on and on and on without an end", 3, NULL, same};
  PetscCall(NomosPictureCurves("many.png", "A title that is much too long for the picture, so that it has to be cut somewhere, and that is where the three dots come in, unless they do not, which would be a pity", "x", "y", PETSC_FALSE, 40, many));
  PetscCall(PetscMalloc1(1000000, &long_));
  for (int i = 0; i < 1000000; i++) long_[i] = sin(i * 0.7) + 1e-6 * i;
  many[0] = (NomosCurve){"a million points", 1000000, NULL, long_};
  PetscCall(NomosPictureCurves("long.png", "Long", "step", "f", PETSC_FALSE, 1, many));
  PetscCall(PetscFree(long_));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OddFields(void)
{
  const PetscReal zero[4] = {0}, same[4] = {3, 3, 3, 3}, nan4[4] = {NAN, INFINITY, -INFINITY, NAN}, huge[4] = {-1e308, 1e308, 0, 1}, tiny[4] = {1, 1 + 1e-12, 1 + 2e-12, 1 + 3e-12}, big[4] = {1e-12, 1e9, 1, 2};
  const PetscReal *const all[6] = {zero, same, nan4, huge, tiny, big};
  const NomosCurve two[2] = {{"truth", 4, NULL, same}, {"prediction", 4, NULL, tiny}};
  NomosPanel       p[12];

  PetscFunctionBegin;
  memset(p, 0, sizeof(p));
  for (int i = 0; i < 6; i++) p[i] = (NomosPanel){.title = "2 x 2", .nx = 2, .ny = 2, .values = all[i], .colours = i % 2 ? NOMOS_COLOURS_DIVERGING : NOMOS_COLOURS_SEQUENTIAL};
  p[6]  = (NomosPanel){.title = "1 x 1", .nx = 1, .ny = 1, .values = same};
  p[7]  = (NomosPanel){.title = "1-D", .nx = 4, .ny = 1, .values = big};
  p[8]  = (NomosPanel){.title = "two curves", .ncurves = 2, .curves = two};
  p[9]  = (NomosPanel){.title = "column", .nx = 1, .ny = 4, .values = big};
  p[10] = (NomosPanel){.title = "range upside down", .nx = 2, .ny = 2, .values = big, .ranged = PETSC_TRUE, .lo = 1, .hi = -1};
  PetscCall(NomosPictureFields("oddfields.png", "Odd fields", 3, 4, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static long Slurp(const char path[], char **text)
{
  FILE *f = fopen(path, "rb");
  long  n = 0;

  *text = NULL;
  if (!f) return -1;
  fseek(f, 0, SEEK_END);
  n     = ftell(f);
  *text = (char *)malloc((size_t)n + 1);
  rewind(f);
  if (!*text || fread(*text, 1, (size_t)n, f) != (size_t)n) n = -1;
  fclose(f);
  return n;
}

static PetscErrorCode Repeats(void)
{
  const PetscReal v[4] = {1, 2, 3, 4};
  NomosPanel      p    = {.title = "again", .nx = 2, .ny = 2, .values = v};
  char           *a, *b;
  long            na, nb;

  PetscFunctionBegin;
  PetscCall(NomosPictureFields("a.png", "t", 1, 1, &p));
  PetscCall(NomosPictureFields("b.png", "t", 1, 1, &p));
  na = Slurp("a.png", &a);
  nb = Slurp("b.png", &b);
  CheckTrue("equal input gives equal bytes", na > 100 && na == nb && !memcmp(a, b, (size_t)na));
  CheckTrue("nothing is left beside the file", access("a.png.part", F_OK));
  free(a);
  free(b);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Refusals(void)
{
  const PetscReal  v[4] = {1, 2, 3, 4};
  const NomosCurve c    = {"c", 4, NULL, v}, negative = {"c", -1, NULL, v}, nothing = {"c", 4, NULL, NULL};
  NomosPanel       p    = {.nx = 2, .ny = 2, .values = v}, flat = {.nx = 0, .ny = 2, .values = v};
  struct rlimit    old, small;
  struct stat      before, after;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(NomosPictureCurves("keep.png", NULL, NULL, NULL, PETSC_FALSE, 1, &c));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("no such folder", NomosPictureCurves("no/such/folder/x.png", NULL, NULL, NULL, PETSC_FALSE, 1, &c), PETSC_ERR_FILE_OPEN);
  CheckTrue("an empty name", NomosPictureCurves("", NULL, NULL, NULL, PETSC_FALSE, 1, &c) != 0);
  CheckInt("negative length", NomosPictureCurves("x.png", NULL, NULL, NULL, PETSC_FALSE, 1, &negative), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("no values", NomosPictureCurves("x.png", NULL, NULL, NULL, PETSC_FALSE, 1, &nothing), PETSC_ERR_ARG_NULL);
  CheckInt("no rows", NomosPictureFields("x.png", NULL, 0, 1, &p), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("no cells", NomosPictureFields("x.png", NULL, 1, 1, &flat), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("no panels", NomosPictureFields("x.png", NULL, 1, 1, NULL), PETSC_ERR_ARG_NULL);
  CheckTrue("a refused picture is not there", access("x.png", F_OK));
  /* a full disk: the file may not grow beyond 512 bytes */
  signal(SIGXFSZ, SIG_IGN);
  CheckTrue("limits", !getrlimit(RLIMIT_FSIZE, &old) && !stat("keep.png", &before));
  small          = old;
  small.rlim_cur = 512;
  CheckTrue("limits", !setrlimit(RLIMIT_FSIZE, &small));
  ierr = NomosPictureCurves("keep.png", "another", NULL, NULL, PETSC_FALSE, 1, &c);
  CheckTrue("limits", !setrlimit(RLIMIT_FSIZE, &old));
  CheckInt("a full disk", ierr, PETSC_ERR_FILE_WRITE);
  CheckTrue("the part is removed", access("keep.png.part", F_OK));
  CheckTrue("the older picture is whole", !stat("keep.png", &after) && after.st_size == before.st_size && before.st_size > 512);
  PetscCall(PetscPopErrorHandler());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  Ticks();
  Ranges();
  Numbers();
  Colours();
  Letters();
  PetscCall(FieldPixels());
  PetscCall(FieldMean());
  PetscCall(CurvePixels());
  PetscCall(OddCurves());
  PetscCall(OddFields());
  PetscCall(Repeats());
  PetscCall(Refusals());
  return NomosTestEnd();
}

/*TEST
  sanitize: yes
  sources: src/data/picture.c src/data/picture_axis.c src/data/picture_canvas.c src/data/picture_colour.c src/data/picture_font.c src/data/picture_plot.c
  np: 1
TEST*/
