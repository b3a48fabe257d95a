/*
   Ticks of axes and colour bars, and numbers as text.

   A tick is an integer times a power of ten, and its label is written from that integer: no rounding shows, and the
   decimal comma of a host program's locale cannot get in.
*/
#include "picture.h"
#include <math.h>
#include <string.h>

/* 10^e for an int e: exact up to 22, and without the overflow of 1 / 10^308+ */
static double Scale(double v, int e)
{
  if (e < -300) return v / 1e300 / pow(10, -e - 300);
  return e < 0 ? v / pow(10, -e) : v * pow(10, e);
}

/* k 10^e as text: "-0.25", "1300", or "1.3e-07" where plain digits would be long. */
static void Digits(long long k, int e, char s[], size_t len)
{
  char      digit[24];
  long long a     = k < 0 ? -k : k;
  int       count = 0, i, power;
  size_t    n = 0;

  while (k && a % 10 == 0) { /* trailing zeros belong to the exponent */
    a /= 10;
    e++;
  }
  if (!k) e = 0;
  do {
    digit[count++] = (char)('0' + a % 10);
    a /= 10;
  } while (a);
  power = e + count - 1; /* of the first digit */
  memset(s, 0, len);
#define PUT(ch) \
  do { \
    if (n + 1 < len) s[n++] = (char)(ch); \
  } while (0)
  if (k < 0) PUT('-');
  if (power < -4 || power > 6) {
    PUT(digit[count - 1]);
    if (count > 1) PUT('.');
    for (i = count - 2; i >= 0; i--) PUT(digit[i]);
    PUT('e');
    if (power < 0) PUT('-');
    power = power < 0 ? -power : power;
    if (power >= 100) PUT('0' + power / 100);
    if (power >= 10) PUT('0' + power / 10 % 10);
    PUT('0' + power % 10);
  } else {
    if (power < 0) {
      PUT('0');
      PUT('.');
      for (i = -1; i > power; i--) PUT('0');
    }
    for (i = count - 1; i >= 0; i--) {
      PUT(digit[i]);
      if (power >= 0 && i && e + i == 0) PUT('.');
    }
    for (i = 0; i < e; i++) PUT('0');
  }
#undef PUT
}

static int Exponent(double v)
{
  return (int)floor(log10(v));
}

/* A number with four digits, for notes. */
void NomosNumber(double v, char s[], size_t len)
{
  int    e;
  double k;

  if (!isfinite(v) || v == 0) {
    (void)PetscStrncpy(s, isnan(v) ? "nan" : v > 0 ? "inf" : v < 0 ? "-inf" : "0", len);
    return;
  }
  e = Exponent(fabs(v)) - 3;
  k = rint(Scale(v, -e));
  Digits((long long)k, e, s, len);
}

/* Make a range that ticks can be put on: ordered, finite, and not narrower than the numbers can tell apart. */
void NomosRangeWiden(double *lo, double *hi)
{
  const double most = 1e300, least = 1e-290;
  double       size;

  if (!(*lo <= *hi)) {
    *lo = 0;
    *hi = 1;
  }
  *lo  = PetscMax(-most, PetscMin(most, *lo));
  *hi  = PetscMax(-most, PetscMin(most, *hi));
  size = PetscMax(fabs(*lo), fabs(*hi));
  if (*hi - *lo <= PetscMax(1e-13 * size, least)) {
    const double middle = *lo + (*hi - *lo) / 2, d = fabs(middle) > least ? 0.5 * fabs(middle) : 1;

    *lo = middle - d;
    *hi = middle + d;
  }
}

/* The smallest step 1, 2, 2.5 or 5 times a power of ten with at most so many intervals: mantissa and exponent. */
static void Step(double width, PetscInt most, long long *m, int *e)
{
  const double raw = width / (double)PetscMax(1, most);
  double       head;

  *e   = Exponent(raw);
  head = Scale(raw, -*e) * (1 - 1e-9);
  *m   = head <= 1 ? 1 : head <= 2 ? 2 : head <= 2.5 ? 25 : head <= 5 ? 5 : 10;
  if (*m == 25) (*e)--;
}

/* Labels of the ticks k[i] 10^e; a common offset and factor go into the note. */
static void Label(NomosTicks *t, long long k[], int e)
{
  long long base = 0, big = 0, width = llabs(k[t->n - 1] - k[0]);
  PetscInt  i;
  int       top, factor = 0;
  char      number[24];
  size_t    n;

  for (i = 0; i < t->n; i++) big = PetscMax(big, llabs(k[i]));
  if (width && width < big / 10000) { /* 1.000001, 1.000002: the digits that all share are said once */
    long long unit = 1;

    while (unit < width) unit *= 10;
    base = k[0] / unit * unit;
    big  = 0;
    for (i = 0; i < t->n; i++) big = PetscMax(big, llabs(k[i] - base));
  }
  top = e;
  for (n = 1; big >= 10; big /= 10) top++;
  if (top > 4 || top < -3) factor = top;
  for (i = 0; i < t->n; i++) Digits(k[i] - base, e - factor, t->label[i], sizeof(t->label[i]));
  t->note[0] = 0;
  n          = 0;
  if (factor) {
    PetscInt power = factor;

    (void)PetscSNPrintf(t->note, sizeof(t->note), "x10%c%" PetscInt_FMT, NOMOS_SUPER, power);
    n = strlen(t->note);
  }
  if (base) {
    Digits(llabs(base), e, number, sizeof(number));
    /* the raised exponent runs to the end of the string, so the offset comes first */
    if (factor) (void)PetscSNPrintf(t->note, sizeof(t->note), "%s%s  x10%c%d", base < 0 ? "-" : "+", number, NOMOS_SUPER, factor);
    else (void)PetscSNPrintf(t->note + n, sizeof(t->note) - n, "%s%s", base < 0 ? "-" : "+", number);
  }
}

/* At most "most" intervals (2 to 14) on [lo, hi], which NomosRangeWiden() has seen. */
void NomosTicksLinear(double lo, double hi, PetscInt most, NomosTicks *t)
{
  const double slack = 1e-9 * (hi - lo);
  long long    m, k[NOMOS_MAX_TICKS], i;
  int          e;
  double       first, last;

  t->n = t->nminor = 0;
  t->note[0]       = 0;
  Step(hi - lo, PetscMin(most, NOMOS_MAX_TICKS - 2), &m, &e);
  first = ceil(Scale(lo - slack, -e) / (double)m);
  last  = floor(Scale(hi + slack, -e) / (double)m);
  for (i = (long long)first; i <= (long long)last && t->n < NOMOS_MAX_TICKS; i++) {
    k[t->n]      = i * m;
    t->at[t->n++] = Scale((double)(i * m), e);
  }
  if (t->n) Label(t, k, e);
}

/* Whole decades, every stride-th labelled; thin marks at 2 to 9, or at the decades between. */
static void Decades(int d0, int d1, double lo, double hi, PetscInt most, NomosTicks *t)
{
  int d, stride = 1, i;

  while ((d1 - d0) / stride > PetscMin(most, NOMOS_MAX_TICKS - 2)) stride++;
  for (d = d0 - 1; d <= d1; d++) {
    const PetscBool labelled = d >= d0 && (d - d0) % stride == 0 ? PETSC_TRUE : PETSC_FALSE;

    if (labelled && t->n < NOMOS_MAX_TICKS) {
      (void)PetscSNPrintf(t->label[t->n], sizeof(t->label[0]), "10%c%d", NOMOS_SUPER, d);
      t->at[t->n++] = Scale(1, d);
    }
    if (stride > 1 && !labelled && d >= d0 && t->nminor < NOMOS_MAX_MINOR) t->minor[t->nminor++] = Scale(1, d);
    for (i = 2; stride == 1 && i < 10; i++)
      if (Scale(i, d) >= lo && Scale(i, d) <= hi && t->nminor < NOMOS_MAX_MINOR) t->minor[t->nminor++] = Scale(i, d);
  }
}

/* Ticks of a logarithmic axis, 0 < lo < hi: decades, or 1, 2, 5 where there is hardly one, or linear ones below. */
void NomosTicksLog(double lo, double hi, PetscInt most, NomosTicks *t)
{
  static const int part[3] = {1, 2, 5};
  const int        d0 = (int)ceil(log10(lo) - 1e-9), d1 = (int)floor(log10(hi) + 1e-9);
  int              d, i;

  t->n = t->nminor = 0;
  t->note[0]       = 0;
  if (d1 > d0) {
    Decades(d0, d1, lo, hi, most, t);
    return;
  }
  for (d = d0 - 1; d <= d1; d++)
    for (i = 0; i < 3; i++) {
      const double v = Scale(part[i], d);

      if (v < lo * (1 - 1e-9) || v > hi * (1 + 1e-9)) continue;
      Digits(part[i], d, t->label[t->n], sizeof(t->label[0]));
      t->at[t->n++] = v;
    }
  if (t->n < 3) NomosTicksLinear(lo, hi, PetscMin(most, 6), t);
}
