/*
   The letters: a stroke font for ASCII 32 to 126, drawn by hand for this library.

   A glyph is a width and a list of strokes in units of 1/100 of the font size, y upwards from the baseline: capitals
   are 70 high, small letters 50, tails go to -20.
     M x y            start a stroke
     L x y            straight on to x y
     A x y rx ry s e  straight on to an arc of the ellipse (centre, radii) from s to e degrees, anticlockwise positive
     a ...            the same, starting a stroke
     D x y            a dot
*/
#include "picture.h"
#include <math.h>
#include <string.h>

typedef struct {
  int         width;
  const char *path;
} Glyph;

/* clang-format off */
static const Glyph glyph[95] = {
  /*   */ {28, ""},
  /* ! */ {24, "M 12 70 L 12 22 D 12 3"},
  /* " */ {34, "M 11 70 L 11 52 M 23 70 L 23 52"},
  /* # */ {62, "M 23 68 L 17 2 M 45 68 L 39 2 M 8 46 L 55 46 M 6 24 L 53 24"},
  /* $ */ {54, "a 27 52 17 14 30 270 A 27 19 18 15 90 -150 M 27 76 L 27 -6"},
  /* % */ {76, "a 19 54 12 16 0 360 M 58 70 L 18 0 a 57 16 12 16 0 360"},
  /* & */ {66, "M 60 0 L 19 49 A 30 56 13 14 212 -45 L 17 34 A 26 18 18 18 120 300 L 58 34"},
  /* ' */ {20, "M 10 70 L 10 52"},
  /* ( */ {32, "a 36 29 25 52 125 235"},
  /* ) */ {32, "a -4 29 25 52 55 -55"},
  /* * */ {44, "M 22 70 L 22 38 M 8 62 L 36 46 M 36 62 L 8 46"},
  /* + */ {58, "M 29 52 L 29 4 M 5 28 L 53 28"},
  /* , */ {24, "M 13 4 L 9 -12"},
  /* - */ {40, "M 6 28 L 34 28"},
  /* . */ {24, "D 12 3"},
  /* / */ {40, "M 5 -8 L 35 74"},
  /* 0 */ {54, "a 27 35 19 35 90 450"},
  /* 1 */ {54, "M 13 57 L 29 70 L 29 0 M 13 0 L 45 0"},
  /* 2 */ {54, "a 26 51 17 19 170 -38 L 8 0 L 46 0"},
  /* 3 */ {54, "a 25 53 17 17 150 -90 M 20 36 L 25 36 A 25 18 20 18 90 -150"},
  /* 4 */ {54, "M 37 0 L 37 70 L 6 19 L 49 19"},
  /* 5 */ {54, "M 43 70 L 14 70 L 11 37 A 26 22 20 22 132 -145"},
  /* 6 */ {54, "a 34 22 26 48 68 180 A 27 22 19 22 180 540"},
  /* 7 */ {54, "M 8 70 L 46 70 L 21 0"},
  /* 8 */ {54, "a 27 53 16 17 -90 270 a 27 18 19 18 90 450"},
  /* 9 */ {54, "a 20 48 26 48 -112 0 A 27 48 19 22 0 360"},
  /* : */ {24, "D 12 3 D 12 45"},
  /* ; */ {24, "M 13 4 L 9 -12 D 12 45"},
  /* < */ {58, "M 50 50 L 8 28 L 50 6"},
  /* = */ {58, "M 6 38 L 52 38 M 6 18 L 52 18"},
  /* > */ {58, "M 8 50 L 50 28 L 8 6"},
  /* ? */ {48, "a 23 53 16 17 165 -55 L 23 32 L 23 21 D 23 3"},
  /* @ */ {92, "a 43 28 15 18 0 360 M 58 46 L 58 22 A 70 24 12 12 180 360 A 45 28 37 42 0 300"},
  /* A */ {58, "M 4 0 L 29 70 L 54 0 M 13 24 L 45 24"},
  /* B */ {58, "M 10 0 L 10 70 L 29 70 A 29 53 17 17 90 -90 L 10 36 M 29 36 L 31 36 A 31 18 18 18 90 -90 L 10 0 L 10 36"},
  /* C */ {60, "a 33 35 25 35 45 315"},
  /* D */ {62, "M 10 0 L 10 70 L 26 70 A 26 35 28 35 90 -90 L 10 0 L 10 10"},
  /* E */ {53, "M 46 70 L 10 70 L 10 0 L 47 0 M 10 36 L 41 36"},
  /* F */ {50, "M 45 70 L 10 70 L 10 0 M 10 36 L 39 36"},
  /* G */ {64, "a 33 35 25 35 48 315 L 54 11 L 54 33 L 37 33"},
  /* H */ {62, "M 10 0 L 10 70 M 52 0 L 52 70 M 10 36 L 52 36"},
  /* I */ {24, "M 12 0 L 12 70"},
  /* J */ {44, "M 34 70 L 34 18 A 20 18 14 18 0 -160"},
  /* K */ {56, "M 10 0 L 10 70 M 48 70 L 10 30 M 22 43 L 51 0"},
  /* L */ {49, "M 10 70 L 10 0 L 45 0"},
  /* M */ {74, "M 10 0 L 10 70 L 37 14 L 64 70 L 64 0"},
  /* N */ {62, "M 10 0 L 10 70 L 52 0 L 52 70"},
  /* O */ {66, "a 33 35 26 35 90 450"},
  /* P */ {54, "M 10 0 L 10 70 L 29 70 A 29 51 18 19 90 -90 L 10 32"},
  /* Q */ {66, "a 33 35 26 35 90 450 M 39 17 L 58 -6"},
  /* R */ {57, "M 10 0 L 10 70 L 29 70 A 29 51 18 19 90 -90 L 10 32 M 29 32 L 49 0"},
  /* S */ {54, "a 27 53 17 17 30 270 A 27 18 19 18 90 -150"},
  /* T */ {52, "M 4 70 L 48 70 M 26 70 L 26 0"},
  /* U */ {62, "M 10 70 L 10 22 A 31 22 21 22 180 360 L 52 70"},
  /* V */ {56, "M 4 70 L 28 0 L 52 70"},
  /* W */ {82, "M 4 70 L 22 0 L 41 66 L 60 0 L 78 70"},
  /* X */ {54, "M 5 70 L 49 0 M 49 70 L 5 0"},
  /* Y */ {54, "M 4 70 L 27 34 L 50 70 M 27 34 L 27 0"},
  /* Z */ {54, "M 8 70 L 47 70 L 7 0 L 48 0"},
  /* [ */ {32, "M 26 78 L 11 78 L 11 -14 L 26 -14"},
  /* \ */ {40, "M 5 74 L 35 -8"},
  /* ] */ {32, "M 6 78 L 21 78 L 21 -14 L 6 -14"},
  /* ^ */ {48, "M 9 42 L 24 70 L 39 42"},
  /* _ */ {50, "M 0 -12 L 50 -12"},
  /* ` */ {28, "M 8 70 L 18 58"},
  /* a */ {53, "a 26 25 18 25 0 360 M 44 50 L 44 0"},
  /* b */ {53, "M 9 72 L 9 0 a 27 25 18 25 180 540"},
  /* c */ {47, "a 27 25 19 25 48 312"},
  /* d */ {53, "a 26 25 18 25 0 360 M 44 72 L 44 0"},
  /* e */ {52, "M 8 26 L 45 26 A 26 25 19 25 0 315"},
  /* f */ {32, "M 14 0 L 14 56 A 27 56 13 15 180 75 M 4 50 L 28 50"},
  /* g */ {53, "a 26 25 18 25 0 360 M 44 50 L 44 -2 A 27 -2 17 18 0 -150"},
  /* h */ {52, "M 9 72 L 9 0 M 9 30 A 26 30 17 20 180 0 L 43 0"},
  /* i */ {22, "M 11 50 L 11 0 D 11 67"},
  /* j */ {23, "M 13 50 L 13 -6 A 3 -6 10 14 0 -95 D 13 67"},
  /* k */ {47, "M 9 72 L 9 0 M 39 50 L 9 19 M 19 29 L 42 0"},
  /* l */ {22, "M 11 72 L 11 0"},
  /* m */ {78, "M 9 50 L 9 0 M 9 31 A 24 31 15 19 180 0 L 39 0 M 39 31 A 54 31 15 19 180 0 L 69 0"},
  /* n */ {52, "M 9 50 L 9 0 M 9 30 A 26 30 17 20 180 0 L 43 0"},
  /* o */ {54, "a 27 25 19 25 90 450"},
  /* p */ {53, "M 9 50 L 9 -20 a 27 25 18 25 180 540"},
  /* q */ {53, "a 26 25 18 25 0 360 M 44 50 L 44 -20"},
  /* r */ {34, "M 9 50 L 9 0 M 9 26 A 28 26 19 24 180 75"},
  /* s */ {46, "a 23 38 14 12 25 270 A 23 13 15 13 90 -155"},
  /* t */ {35, "M 15 66 L 15 14 A 28 14 13 14 180 285 M 4 50 L 29 50"},
  /* u */ {52, "M 9 50 L 9 20 A 26 20 17 20 180 360 M 43 50 L 43 0"},
  /* v */ {46, "M 4 50 L 23 0 L 42 50"},
  /* w */ {66, "M 4 50 L 18 0 L 33 46 L 48 0 L 62 50"},
  /* x */ {46, "M 5 50 L 41 0 M 41 50 L 5 0"},
  /* y */ {46, "M 4 50 L 24 0 M 43 50 L 16 -20"},
  /* z */ {46, "M 7 50 L 39 50 L 6 0 L 40 0"},
  /* { */ {36, "a 28 64 10 14 90 180 L 18 42 L 9 32 L 18 22 L 18 0 A 28 0 10 14 180 270"},
  /* | */ {24, "M 12 78 L 12 -14"},
  /* } */ {36, "a 8 64 10 14 90 0 L 18 42 L 27 32 L 18 22 L 18 0 A 8 0 10 14 0 -90"},
  /* ~ */ {58, "a 19 28 11 9 190 30 A 40 34 11 9 210 350"}
};
/* clang-format on */

/* A hollow box: a character this font does not have. */
static const Glyph missing = {50, "M 8 0 L 8 70 L 42 70 L 42 0 L 8 0"};

/* Where and how a glyph is drawn; the four heights land on whole pixels, so that horizontal strokes are sharp. */
typedef struct {
  NomosCanvas *c;
  double       x, y, scale, half;
  double       row[4];
  PetscBool    up; /* text runs upwards */
  double       px, py;
} Pen;

static const double height[4] = {-20, 0, 50, 70};

static double Row(const Pen *pen, double y)
{
  const int k = y < 0 ? 0 : y < 50 ? 1 : 2;

  return pen->row[k] + (pen->row[k + 1] - pen->row[k]) * (y - height[k]) / (height[k + 1] - height[k]);
}

static void PenAim(Pen *pen, double ux, double uy, double *x, double *y)
{
  const double right = ux * pen->scale, above = Row(pen, uy);

  *x = pen->up ? pen->x - above : pen->x + right;
  *y = pen->up ? pen->y - right : pen->y - above;
}

static void PenMove(Pen *pen, double ux, double uy)
{
  PenAim(pen, ux, uy, &pen->px, &pen->py);
}

static void PenLine(Pen *pen, double ux, double uy)
{
  double x, y;

  PenAim(pen, ux, uy, &x, &y);
  NomosCanvasSegment(pen->c, pen->px, pen->py, x, y, pen->half);
  pen->px = x;
  pen->py = y;
}

static void PenArc(Pen *pen, const int v[6], PetscBool join)
{
  const int pieces = PetscMax(4, abs(v[5] - v[4]) / 12);
  int       i;

  for (i = 0; i <= pieces; i++) {
    const double t = (v[4] + (double)(v[5] - v[4]) * i / pieces) * (M_PI / 180), ux = v[0] + v[2] * cos(t), uy = v[1] + v[3] * sin(t);

    if (i || join) PenLine(pen, ux, uy);
    else PenMove(pen, ux, uy);
  }
}

/* Read count integers behind *s; our own digits, because strtol would be slower to read than this. */
static void Numbers(const char **s, int count, int v[])
{
  int i;

  for (i = 0; i < count; i++) {
    PetscBool minus = PETSC_FALSE;

    while (**s == ' ') (*s)++;
    if (**s == '-') {
      minus = PETSC_TRUE;
      (*s)++;
    }
    for (v[i] = 0; **s >= '0' && **s <= '9'; (*s)++) v[i] = 10 * v[i] + (**s - '0');
    if (minus) v[i] = -v[i];
  }
}

static void PenGlyph(Pen *pen, const char *s)
{
  int v[6];

  while (*s) {
    const char command = *s++;

    if (command == 'M') {
      Numbers(&s, 2, v);
      PenMove(pen, v[0], v[1]);
    } else if (command == 'L') {
      Numbers(&s, 2, v);
      PenLine(pen, v[0], v[1]);
    } else if (command == 'A' || command == 'a') {
      Numbers(&s, 6, v);
      PenArc(pen, v, command == 'A' ? PETSC_TRUE : PETSC_FALSE);
    } else if (command == 'D') {
      double x, y;

      Numbers(&s, 2, v);
      PenAim(pen, v[0], v[1], &x, &y);
      NomosCanvasSegment(pen->c, x, y, x, y, 1.25 * pen->half);
    }
  }
}

/* The next glyph of a string; a UTF-8 sequence is one missing glyph. NULL at the end. */
static const Glyph *Next(const char **s, PetscBool *raised)
{
  for (; **s; (*s)++) {
    const unsigned char ch = (unsigned char)**s;

    if (ch == NOMOS_SUPER) *raised = PETSC_TRUE;
    else if ((ch & 0xC0) != 0x80) {
      (*s)++;
      return ch < 32 ? &glyph[0] : ch < 127 ? &glyph[ch - 32] : &missing;
    }
  }
  return NULL;
}

#define RAISED 0.72 /* size of an exponent */

double NomosTextWidth(double size, const char text[])
{
  PetscBool    raised = PETSC_FALSE;
  double       width  = 0;
  const Glyph *g;

  while ((g = Next(&text, &raised))) width += g->width * (raised ? RAISED : 1) * size / 100;
  return width;
}

/* Draw with the baseline through y; anchor 0, 1/2, 1: x is the left end, the middle, the right end. With up the text
   runs upwards, its baseline through x, and the anchor counts along y. */
void NomosTextDraw(NomosCanvas *c, double x, double y, double size, double anchor, PetscBool up, NomosColour colour, const char text[])
{
  const double width  = NomosTextWidth(size, text);
  PetscBool    raised = PETSC_FALSE;
  const Glyph *g;
  Pen          pen = {.c = c, .up = up};

  pen.x = up ? floor(x) + 0.5 : x - anchor * width;
  pen.y = up ? y + anchor * width : floor(y) + 0.5;
  while ((g = Next(&text, &raised))) {
    const double now = raised ? RAISED * size : size, lift = raised ? rint(0.36 * size) : 0;
    int          k;

    pen.scale = now / 100;
    pen.half  = PetscMax(0.5, 0.046 * now + 0.02);
    for (k = 0; k < 4; k++) pen.row[k] = rint(height[k] * pen.scale) + lift;
    PenGlyph(&pen, g->path);
    if (up) pen.y -= g->width * pen.scale;
    else pen.x += g->width * pen.scale;
  }
  NomosCanvasInk(c, colour, 1);
}

/* Copy text, cut with "..." so that it is at most width wide. */
void NomosTextFit(double size, double width, const char text[], char fit[], size_t len)
{
  size_t n = text ? strlen(text) : 0;

  if (n > len - 1) n = len - 1;
  if (n) memcpy(fit, text, n);
  fit[n] = 0;
  if (n == (text ? strlen(text) : 0) && NomosTextWidth(size, fit) <= width) return;
  if (n > len - 4) n = len - 4;
  for (;; n--) {
    memcpy(fit + n, "...", 4);
    if (!n || NomosTextWidth(size, fit) <= width) return;
  }
}
