/*
   Lines in a frame with two axes: the plot of NomosPictureCurves() and the one-dimensional panels of NomosPictureFields().
*/
#include "picture.h"
#include <math.h>
#include <string.h>

static const NomosColour ink = {40, 40, 40}, faint = {232, 232, 232}, grid = {214, 214, 214}, edge = {120, 120, 120}, white = {255, 255, 255};

static PetscBool PointOf(const NomosPlot *p, const NomosCurve *curve, PetscInt i, double *x, double *y)
{
  *x = curve->x ? (double)curve->x[i] : (double)i;
  *y = (double)curve->y[i];
  return isfinite(*x) && isfinite(*y) && !(p->logy && *y <= 0) ? PETSC_TRUE : PETSC_FALSE;
}

/* Ranges of both axes from the points that will be drawn, with a little air above and below. */
void NomosPlotRanges(NomosPlot *p, PetscBool ranged, double lo, double hi)
{
  double   x, y, air;
  PetscInt j, i;

  p->x[0] = p->y[0] = INFINITY;
  p->x[1] = p->y[1] = -INFINITY;
  p->skipped = p->points = 0;
  for (j = 0; j < p->ncurves; j++)
    for (i = 0; i < p->curves[j].n; i++) {
      if (!PointOf(p, &p->curves[j], i, &x, &y)) {
        if (isfinite(x) && isfinite(y)) p->skipped++;
        continue;
      }
      p->points++;
      p->x[0] = PetscMin(p->x[0], x);
      p->x[1] = PetscMax(p->x[1], x);
      p->y[0] = PetscMin(p->y[0], y);
      p->y[1] = PetscMax(p->y[1], y);
    }
  if (ranged) {
    p->y[0] = lo;
    p->y[1] = hi;
  }
  NomosRangeWiden(&p->x[0], &p->x[1]);
  if (p->logy) {
    if (!(p->y[0] > 0 && p->y[0] <= p->y[1])) {
      p->y[0] = 1e-3;
      p->y[1] = 1;
    }
    air = PetscMax(0.04 * (log10(p->y[1]) - log10(p->y[0])), 0.01);
    p->y[0] = PetscMax(1e-307, p->y[0] * pow(10, -air));
    p->y[1] = PetscMin(1e300, p->y[1] * pow(10, air));
  } else {
    NomosRangeWiden(&p->y[0], &p->y[1]);
    air = 0.04 * (p->y[1] - p->y[0]);
    p->y[0] -= air;
    p->y[1] += air;
  }
}

/* Choose ticks for an area of this size in pixels, so that labels do not meet; returns the width of the y labels. */
double NomosPlotTicks(NomosPlot *p, PetscInt width, PetscInt height)
{
  const PetscInt mosty = PetscMax(2, PetscMin(10, (PetscInt)(height / (2.6 * p->size))));
  PetscInt       most, i;
  double         wide = 0;

  if (p->logy) NomosTicksLog(p->y[0], p->y[1], mosty, &p->ty);
  else NomosTicksLinear(p->y[0], p->y[1], mosty, &p->ty);
  for (i = 0; i < p->ty.n; i++) wide = PetscMax(wide, NomosTextWidth(p->size, p->ty.label[i]));
  for (most = 10; most > 1; most--) {
    double widest = 0, gap;

    NomosTicksLinear(p->x[0], p->x[1], most, &p->tx);
    for (i = 0; i < p->tx.n; i++) widest = PetscMax(widest, NomosTextWidth(p->size, p->tx.label[i]));
    gap = p->tx.n > 1 ? (p->tx.at[1] - p->tx.at[0]) / (p->x[1] - p->x[0]) * (double)width : (double)width;
    if (widest + 1.2 * p->size <= gap) break;
  }
  return wide;
}

double NomosPlotX(const NomosPlot *p, double v)
{
  return (double)p->box.x0 + (v - p->x[0]) / (p->x[1] - p->x[0]) * (double)(p->box.x1 - p->box.x0);
}

double NomosPlotY(const NomosPlot *p, double v)
{
  const double s = p->logy ? (log10(v) - log10(p->y[0])) / (log10(p->y[1]) - log10(p->y[0])) : (v - p->y[0]) / (p->y[1] - p->y[0]);

  return (double)p->box.y1 - s * (double)(p->box.y1 - p->box.y0);
}

static void Across(NomosCanvas *c, const NomosPlot *p, double v, NomosColour colour)
{
  const PetscInt y = (PetscInt)floor(NomosPlotY(p, v));

  if (y > p->box.y0 && y < p->box.y1 - 1) NomosCanvasFill(c, (NomosBox){p->box.x0, y, p->box.x1, y + 1}, colour, 1);
}

static void Axes(NomosCanvas *c, const NomosPlot *p)
{
  PetscInt i;

  for (i = 0; i < p->ty.nminor; i++) Across(c, p, p->ty.minor[i], faint);
  for (i = 0; i < p->ty.n; i++) Across(c, p, p->ty.at[i], grid);
  for (i = 0; i < p->tx.n; i++) {
    const PetscInt x = (PetscInt)floor(NomosPlotX(p, p->tx.at[i]));

    if (x > p->box.x0 && x < p->box.x1 - 1) NomosCanvasFill(c, (NomosBox){x, p->box.y0, x + 1, p->box.y1}, grid, 1);
  }
  NomosCanvasFrame(c, p->box, edge);
  for (i = 0; i < p->ty.n; i++) NomosTextDraw(c, (double)p->box.x0 - 0.5 * p->size, NomosPlotY(p, p->ty.at[i]) + 0.35 * p->size, p->size, 1, PETSC_FALSE, ink, p->ty.label[i]);
  for (i = 0; i < p->tx.n; i++) NomosTextDraw(c, NomosPlotX(p, p->tx.at[i]), (double)p->box.y1 + 1.35 * p->size, p->size, 0.5, PETSC_FALSE, ink, p->tx.label[i]);
  if (p->ty.note[0]) NomosTextDraw(c, (double)p->box.x0, (double)p->box.y0 - 0.5 * p->size, p->size, 0, PETSC_FALSE, ink, p->ty.note);
  if (p->tx.note[0]) NomosTextDraw(c, (double)p->box.x1, (double)p->box.y1 + 2.75 * p->size, p->size, 1, PETSC_FALSE, ink, p->tx.note);
}

/* Points that fall into one column of pixels: only the first, the lowest, the highest and the last are joined, so a
   history of a million steps costs as much as one of a thousand. */
typedef struct {
  PetscInt n;
  double   column, first[2], last[2], low[2], high[2];
} Column;

static void ColumnDraw(NomosCanvas *c, const Column *k, double half)
{
  if (k->n > 1) {
    NomosCanvasSegment(c, k->first[0], k->first[1], k->low[0], k->low[1], half);
    NomosCanvasSegment(c, k->low[0], k->low[1], k->high[0], k->high[1], half);
    NomosCanvasSegment(c, k->high[0], k->high[1], k->last[0], k->last[1], half);
  }
}

static void ColumnAdd(NomosCanvas *c, Column *k, double x, double y, double half)
{
  if (k->n && floor(x) != k->column) {
    ColumnDraw(c, k, half);
    NomosCanvasSegment(c, k->last[0], k->last[1], x, y, half);
    k->n = 0;
  }
  if (!k->n) {
    k->column   = floor(x);
    k->first[0] = k->low[0] = k->high[0] = x;
    k->first[1] = k->low[1] = k->high[1] = y;
  }
  if (y < k->low[1]) {
    k->low[0] = x;
    k->low[1] = y;
  }
  if (y > k->high[1]) {
    k->high[0] = x;
    k->high[1] = y;
  }
  k->last[0] = x;
  k->last[1] = y;
  k->n++;
}

#define DOTTED 30 /* so few points are marked by dots as well */

/* Colours come round after seven lines; the next seven are thinner, and so on. */
static double HalfWidth(PetscInt j)
{
  return j < 7 ? 0.95 : 0.6;
}

static void Line(NomosCanvas *c, const NomosPlot *p, PetscInt j)
{
  const NomosCurve *curve = &p->curves[j];
  const double      half  = HalfWidth(j);
  Column            k     = {0};
  PetscInt          i, run = 0; /* points since the last gap */
  double            x, y;

  for (i = 0; i < curve->n; i++) {
    const PetscBool good = PointOf(p, curve, i, &x, &y);
    double          x1, y1;

    if (!good) {
      ColumnDraw(c, &k, half);
      k.n = run = 0;
      continue;
    }
    x = NomosPlotX(p, x);
    y = NomosPlotY(p, y);
    ColumnAdd(c, &k, x, y, half);
    /* a point between two gaps has no line, so it gets a dot too */
    if (curve->n <= DOTTED || (!run && (i + 1 == curve->n || !PointOf(p, curve, i + 1, &x1, &y1)))) NomosCanvasSegment(c, x, y, x, y, 2.6);
    run++;
  }
  ColumnDraw(c, &k, half);
  NomosCanvasInk(c, NomosColourLine(j), 1);
}

/* How many points of the curves lie in a box: the legend goes where there are fewest. */
static PetscInt Crowd(const NomosPlot *p, NomosBox b)
{
  PetscInt j, i, count = 0;
  double   x, y;

  for (j = 0; j < p->ncurves; j++) {
    const PetscInt step = PetscMax(1, p->curves[j].n / 2000);

    for (i = 0; i < p->curves[j].n; i += step) {
      if (!PointOf(p, &p->curves[j], i, &x, &y)) continue;
      x = NomosPlotX(p, x);
      y = NomosPlotY(p, y);
      if (x >= (double)b.x0 && x <= (double)b.x1 && y >= (double)b.y0 && y <= (double)b.y1) count++;
    }
  }
  return count;
}

static void Legend(NomosCanvas *c, const NomosPlot *p)
{
  const PetscInt row = (PetscInt)(1.5 * p->size), pad = (PetscInt)(0.6 * p->size), sample = (PetscInt)(2 * p->size), gap = (PetscInt)(0.6 * p->size);
  const PetscInt room = (p->box.y1 - p->box.y0 - 2 * pad - 2 * gap) / row;
  PetscInt       j, rows = 0, width = 0, height, best = PETSC_MAX_INT, corner, line = 0;
  NomosBox       b = {0, 0, 0, 0};
  char           name[128];

  for (j = 0; j < p->ncurves && rows < room; j++) {
    if (!p->curves[j].name || !p->curves[j].name[0]) continue;
    NomosTextFit(p->size, 0.5 * (double)(p->box.x1 - p->box.x0), p->curves[j].name, name, sizeof(name));
    width = PetscMax(width, (PetscInt)ceil(NomosTextWidth(p->size, name)));
    rows++;
  }
  if (!rows) return;
  width += sample + 3 * pad;
  height = rows * row + pad;
  for (corner = 0; corner < 4; corner++) { /* top right first */
    const PetscInt x = corner % 2 ? p->box.x0 + gap : p->box.x1 - gap - width, y = corner < 2 ? p->box.y0 + gap : p->box.y1 - gap - height;
    const NomosBox t     = {x, y, x + width, y + height};
    const PetscInt crowd = Crowd(p, t);

    if (crowd < best) {
      best = crowd;
      b    = t;
    }
  }
  NomosCanvasFill(c, b, white, 0.88);
  NomosCanvasFrame(c, b, grid);
  for (j = 0; j < p->ncurves && line < rows; j++) {
    const double y = (double)(b.y0 + pad / 2 + line * row + row / 2) + 0.5;

    if (!p->curves[j].name || !p->curves[j].name[0]) continue;
    NomosTextFit(p->size, 0.5 * (double)(p->box.x1 - p->box.x0), p->curves[j].name, name, sizeof(name));
    NomosCanvasSegment(c, (double)(b.x0 + pad), y, (double)(b.x0 + pad + sample), y, HalfWidth(j));
    NomosCanvasInk(c, NomosColourLine(j), 1);
    NomosTextDraw(c, (double)(b.x0 + 2 * pad + sample), y + 0.33 * p->size, p->size, 0, PETSC_FALSE, ink, name);
    line++;
  }
}

/* Frame, ticks, lines and legend; ranges and ticks are set. */
void NomosPlotDraw(NomosCanvas *c, NomosPlot *p)
{
  const double middle = 0.5 * (double)(p->box.x0 + p->box.x1);
  PetscInt     j;

  NomosCanvasFill(c, p->box, white, 1);
  Axes(c, p);
  NomosCanvasClip(c, p->box);
  for (j = 0; j < p->ncurves; j++) Line(c, p, j);
  NomosCanvasUnclip(c);
  Legend(c, p);
  if (!p->points) NomosTextDraw(c, middle, 0.5 * (double)(p->box.y0 + p->box.y1), p->size, 0.5, PETSC_FALSE, edge, "no data");
  if (p->skipped) {
    char said[64];

    (void)PetscSNPrintf(said, sizeof(said), "%" PetscInt_FMT " values <= 0 not drawn", p->skipped);
    NomosTextDraw(c, (double)p->box.x0 + 0.6 * p->size, (double)p->box.y1 - 0.7 * p->size, 0.85 * p->size, 0, PETSC_FALSE, edge, said);
  }
}
