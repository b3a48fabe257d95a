/*
   Pictures without X and without Python: curves, and grids of fields with colour bars, as PNG.

   Letters, axes, colours and pixels are in picture_font.c, picture_axis.c, picture_colour.c, picture_canvas.c; lines in
   a frame are in picture_plot.c. Here is where things stand on the page.
*/
#include "picture.h"
#include <math.h>
#include <string.h>

static const NomosColour ink = {40, 40, 40}, soft = {110, 110, 110}, edge = {120, 120, 120};

static PetscErrorCode CurvesCheck(PetscInt n, const NomosCurve curves[])
{
  PetscInt j;

  PetscFunctionBegin;
  PetscCheck(n >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A plot cannot have %" PetscInt_FMT " curves", n);
  PetscCheck(!n || curves, PETSC_COMM_SELF, PETSC_ERR_ARG_NULL, "A plot of %" PetscInt_FMT " curves needs an array of them, found NULL", n);
  for (j = 0; j < n; j++) {
    PetscCheck(curves[j].n >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Curve %" PetscInt_FMT " cannot have %" PetscInt_FMT " points", j, curves[j].n);
    PetscCheck(!curves[j].n || curves[j].y, PETSC_COMM_SELF, PETSC_ERR_ARG_NULL, "Curve %" PetscInt_FMT " has %" PetscInt_FMT " points but its y is NULL", j, curves[j].n);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A line of text in the middle between x0 and x1, cut to fit. */
static void Centred(NomosCanvas *c, double x0, double x1, double y, double size, NomosColour colour, const char text[])
{
  char fit[256];

  NomosTextFit(size, x1 - x0, text, fit, sizeof(fit));
  NomosTextDraw(c, 0.5 * (x0 + x1), y, size, 0.5, PETSC_FALSE, colour, fit);
}

/*@C
  NomosPictureCurves - draw curves in a frame with axes and a legend into a PNG file

  Not Collective; one rank calls it

  Input Parameters:
+ path    - the file, for example loss.png
. title   - above the frame, or NULL
. xlabel  - below, or NULL
. ylabel  - at the left, or NULL
. logy    - PETSC_TRUE for a logarithmic y axis
. ncurves - number of curves; 0 draws an empty frame that says so
- curves  - their names and points

  Notes:
  A NaN or infinite number is a gap. On a logarithmic axis values <= 0 are gaps too, and the picture says how many there
  were. Up to 30 points are marked by dots. The file is written aside and renamed; equal input gives equal bytes.

  Shapes: x[n], y[n] per curve
  Units:  as the labels say
  Errors: PETSC_ERR_ARG_OUTOFRANGE, PETSC_ERR_ARG_NULL on sizes and arrays that cannot be; PETSC_ERR_FILE_OPEN,
          PETSC_ERR_FILE_WRITE on a folder or disk that cannot be written, after which nothing is left behind

  Level: developer
.seealso: `NomosPictureFields()`
@*/
PetscErrorCode NomosPictureCurves(const char path[], const char title[], const char xlabel[], const char ylabel[], PetscBool logy, PetscInt ncurves, const NomosCurve curves[])
{
  const PetscInt w = 960, h = 600;
  NomosCanvas    c;
  NomosPlot      p = {.size = 15, .logy = logy, .ncurves = ncurves, .curves = curves};
  PetscInt       top, left, bottom;
  char           fit[256];

  PetscFunctionBegin;
  PetscCall(CurvesCheck(ncurves, curves));
  NomosPlotRanges(&p, PETSC_FALSE, 0, 0);
  top = title && title[0] ? 54 : 22;
  (void)NomosPlotTicks(&p, w - 120, h - top - 70); /* once to know whether there is a note above */
  if (p.ty.note[0]) top += 20;
  bottom = xlabel && xlabel[0] ? 66 : p.tx.note[0] ? 58 : 40;
  left   = (PetscInt)(24 + NomosPlotTicks(&p, w - 120, h - top - bottom)) + (ylabel && ylabel[0] ? 28 : 0);
  p.box  = (NomosBox){left, top, w - 28, h - bottom};
  PetscCall(NomosCanvasCreate(w, h, &c));
  NomosPlotDraw(&c, &p);
  Centred(&c, 20, (double)w - 20, 34, 19, ink, title);
  Centred(&c, (double)left + 100, (double)w - 128, (double)h - 20, 16, ink, xlabel);
  NomosTextFit(16, (double)(h - top - bottom), ylabel, fit, sizeof(fit));
  NomosTextDraw(&c, 27, 0.5 * (double)(p.box.y0 + p.box.y1), 16, 0.5, PETSC_TRUE, ink, fit);
  if (p.skipped) PetscCall(PetscInfo(NULL, "%s: %" PetscInt_FMT " values <= 0 are not drawn on the logarithmic axis\n", path, p.skipped));
  {
    PetscErrorCode ierr = NomosCanvasWritePNG(&c, path);

    PetscCall(NomosCanvasDestroy(&c));
    PetscCall(ierr);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---------------------------------------------------------------- fields */

typedef enum { EMPTY, FIELD, LINES } Kind;

/* One panel and its place; sizes in pixels. */
typedef struct {
  const NomosPanel *panel;
  Kind              kind;
  PetscInt          w, h; /* of the image or the plot area */
  double            lo, hi;
  double            min, max;
  size_t            bad; /* cells that are not finite */
  NomosTicks        bar;
  double            left, right; /* room that labels need beside the area */
  NomosCurve        single;      /* a field with ny = 1 as a curve */
  NomosPlot         plot;
} Place;

enum { TARGET = 256, SMALLEST = 192, LARGEST = 384, BAR = 14, BARGAP = 10 };
static const double letters = 13;

/* Pixels for n cells that should come near "want": a whole number per cell where one fits, so that cells are equal. */
static PetscInt Side(PetscInt n, double want)
{
  const double least = want * SMALLEST / TARGET, most = want * LARGEST / TARGET;
  PetscInt     k     = PetscMax(1, (PetscInt)floor(want / (double)n + 0.5));

  while (k > 1 && (double)(k * n) > most) k--;
  while ((double)(k * n) < least && (double)((k + 1) * n) <= most) k++;
  return (double)(k * n) <= most ? k * n : (PetscInt)want;
}

static void Shape(Place *s)
{
  const NomosPanel *p     = s->panel;
  double            ratio = p->lx > 0 && p->ly > 0 && isfinite((double)p->lx / (double)p->ly) ? (double)p->lx / (double)p->ly : (double)p->nx / (double)p->ny;

  ratio = PetscMax(0.25, PetscMin(4, ratio));
  s->w  = Side(p->nx, ratio >= 1 ? TARGET : TARGET * ratio);
  s->h  = Side(p->ny, ratio >= 1 ? TARGET / ratio : TARGET);
}

/* Minimum and maximum of the finite cells, and the range of the colours. */
static void FieldRange(Place *s)
{
  const NomosPanel *p = s->panel;
  const size_t      n = (size_t)p->nx * (size_t)p->ny;
  size_t            i;

  s->min = INFINITY;
  s->max = -INFINITY;
  s->bad = 0;
  for (i = 0; i < n; i++) {
    const double v = (double)p->values[i];

    if (!isfinite(v)) {
      s->bad++;
      continue;
    }
    s->min = PetscMin(s->min, v);
    s->max = PetscMax(s->max, v);
  }
  s->lo = p->ranged ? (double)p->lo : s->min;
  s->hi = p->ranged ? (double)p->hi : s->max;
  if (p->colours == NOMOS_COLOURS_DIVERGING && !p->ranged && s->lo <= s->hi) {
    s->hi = PetscMax(fabs(s->min), fabs(s->max));
    s->lo = -s->hi;
  }
  NomosRangeWiden(&s->lo, &s->hi);
}

/* Mean of the finite cells under one pixel. Where cells are larger than pixels it is the cell under the pixel. */
static double Under(const NomosPanel *p, PetscInt w, PetscInt h, PetscInt px, PetscInt py)
{
  const double sx = (double)p->nx / (double)w, sy = (double)p->ny / (double)h;
  double       x0 = (double)px * sx, x1 = x0 + sx, y0 = (double)py * sy, y1 = y0 + sy, sum = 0, area = 0;
  PetscInt     i, j;

  /* through the pixel's middle, one cell: sharp edges */
  if (sx <= 1) {
    x0 = floor(((double)px + 0.5) * sx);
    x1 = x0 + 1;
  }
  if (sy <= 1) {
    y0 = floor(((double)py + 0.5) * sy);
    y1 = y0 + 1;
  }
  for (j = (PetscInt)y0; j < p->ny && (double)j < y1; j++)
    for (i = (PetscInt)x0; i < p->nx && (double)i < x1; i++) {
      const double v     = (double)p->values[(size_t)j * (size_t)p->nx + (size_t)i];
      const double share = (PetscMin(x1, (double)i + 1) - PetscMax(x0, (double)i)) * (PetscMin(y1, (double)j + 1) - PetscMax(y0, (double)j));

      if (!isfinite(v) || !(share > 0)) continue;
      area += share;
      sum += share * (v - sum) / area; /* a running mean cannot overflow */
    }
  return area > 0 ? sum : NAN;
}

static void FieldBar(NomosCanvas *c, const Place *s, NomosBox image)
{
  const NomosBox bar = {image.x1 + BARGAP, image.y0, image.x1 + BARGAP + BAR, image.y1};
  PetscInt       y, i;

  for (y = bar.y0; y < bar.y1; y++) NomosCanvasFill(c, (NomosBox){bar.x0, y, bar.x1, y + 1}, NomosColourMap(s->panel->colours, ((double)(bar.y1 - y) - 0.5) / (double)(bar.y1 - bar.y0)), 1);
  NomosCanvasFrame(c, bar, edge);
  for (i = 0; i < s->bar.n; i++) {
    const double t = (s->bar.at[i] - s->lo) / (s->hi - s->lo), at = (double)bar.y1 - t * (double)(bar.y1 - bar.y0);
    PetscInt     row = PetscMax(bar.y0, PetscMin(bar.y1 - 1, (PetscInt)floor(at)));

    NomosCanvasFill(c, (NomosBox){bar.x1, row, bar.x1 + 5, row + 1}, edge, 1);
    NomosTextDraw(c, (double)bar.x1 + 8, (double)row + 0.35 * letters + 0.5, letters, 0, PETSC_FALSE, ink, s->bar.label[i]);
  }
  if (s->bar.note[0]) NomosTextDraw(c, (double)bar.x1 + 8 + s->right - (8 + BARGAP + BAR), (double)bar.y0 - 9, letters, 1, PETSC_FALSE, ink, s->bar.note);
}

static void FieldDraw(NomosCanvas *c, const Place *s, PetscInt x, PetscInt y)
{
  const NomosBox image = {x, y, x + s->w, y + s->h};
  PetscInt       i, j;
  char           lo[24], hi[24], said[96];

  for (j = 0; j < s->h; j++)
    for (i = 0; i < s->w; i++) NomosCanvasPixel(c, x + i, y + s->h - 1 - j, NomosColourMap(s->panel->colours, (Under(s->panel, s->w, s->h, i, j) - s->lo) / (s->hi - s->lo)));
  NomosCanvasFrame(c, image, edge);
  FieldBar(c, s, image);
  NomosNumber(s->min, lo, sizeof(lo));
  NomosNumber(s->max, hi, sizeof(hi));
  if (s->min > s->max) (void)PetscSNPrintf(said, sizeof(said), "no finite cell");
  else if (s->bad) (void)PetscSNPrintf(said, sizeof(said), "%s to %s, %.0f not finite", lo, hi, (double)s->bad);
  else if (s->min == s->max) (void)PetscSNPrintf(said, sizeof(said), "%s everywhere", lo);
  else (void)PetscSNPrintf(said, sizeof(said), "%s to %s", lo, hi);
  NomosTextDraw(c, 0.5 * (double)(image.x0 + image.x1), (double)image.y1 + 19, letters, 0.5, PETSC_FALSE, soft, said);
}

static PetscErrorCode PlaceSet(const NomosPanel *p, PetscInt k, Place *s)
{
  PetscInt i;

  PetscFunctionBegin;
  s->panel = p;
  s->kind  = p->ncurves || p->curves ? LINES : !p->values ? EMPTY : p->ny == 1 ? LINES : FIELD;
  PetscCall(CurvesCheck(p->ncurves, p->curves));
  if (s->kind == EMPTY) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->kind == FIELD || !p->ncurves) PetscCheck(p->nx > 0 && p->ny > 0 && (size_t)p->nx <= PETSC_MAX_INT / sizeof(PetscReal) / (size_t)p->ny, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Panel %" PetscInt_FMT " cannot have %" PetscInt_FMT " x %" PetscInt_FMT " cells", k, p->nx, p->ny);
  if (s->kind == FIELD) {
    Shape(s);
    FieldRange(s);
    NomosTicksLinear(s->lo, s->hi, PetscMax(2, PetscMin(6, s->h / 40)), &s->bar);
    for (i = 0; i < s->bar.n; i++) s->right = PetscMax(s->right, NomosTextWidth(letters, s->bar.label[i]));
    /* the note stands above the bar, right-aligned with its labels, and may reach left over the picture */
    s->right += BARGAP + BAR + 8;
  } else {
    s->single = (NomosCurve){NULL, p->nx, NULL, p->values};
    s->plot   = (NomosPlot){.size = letters, .ncurves = p->ncurves ? p->ncurves : p->values ? 1 : 0, .curves = p->ncurves ? p->curves : &s->single};
    NomosPlotRanges(&s->plot, p->ranged, (double)p->lo, (double)p->hi);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The page: all areas have one size, rows and columns line up. */
typedef struct {
  PetscInt  nrows, ncols, w, h; /* of one area */
  PetscInt  above, below;       /* an area: title and notes, and what stands beneath */
  PetscInt  top;                /* of the page */
  PetscInt *x;                  /* left end of the area in each column; x[ncols] is the width of the page */
} Page;

static void PageSet(Place s[], Page *g)
{
  const PetscInt n = g->nrows * g->ncols;
  PetscInt       i, j, k;
  PetscBool      note = PETSC_FALSE, xnote = PETSC_FALSE;

  for (k = 0; k < n; k++) {
    g->w = PetscMax(g->w, s[k].kind == LINES ? 280 : s[k].w);
    g->h = PetscMax(g->h, s[k].kind == LINES ? 200 : s[k].h);
  }
  for (k = 0; k < n; k++) {
    if (s[k].kind == LINES) {
      s[k].w    = g->w;
      s[k].h    = g->h;
      s[k].left = NomosPlotTicks(&s[k].plot, g->w, g->h) + 8;
      if (s[k].plot.ty.note[0]) note = PETSC_TRUE;
      if (s[k].plot.tx.note[0]) xnote = PETSC_TRUE;
      s[k].right = 14; /* half of the last label */
    } else if (s[k].bar.note[0]) note = PETSC_TRUE;
  }
  g->above = 30 + (note ? 18 : 0);
  g->below = 34 + (xnote ? 18 : 0);
  g->x[0]  = 0;
  for (j = 0; j < g->ncols; j++) {
    double left = 0, right = 0;

    for (i = 0; i < g->nrows; i++) {
      left  = PetscMax(left, s[i * g->ncols + j].left);
      right = PetscMax(right, s[i * g->ncols + j].right);
    }
    g->x[j] += 20 + (PetscInt)ceil(left);
    g->x[j + 1] = g->x[j] + g->w + (PetscInt)ceil(right) + 6;
  }
  g->x[g->ncols] += 14;
}

static void PageDraw(NomosCanvas *c, Place s[], const Page *g)
{
  PetscInt k;

  for (k = 0; k < g->nrows * g->ncols; k++) {
    const PetscInt x = g->x[k % g->ncols] + (g->w - s[k].w) / 2, y = g->top + k / g->ncols * (g->above + g->h + g->below) + g->above + (g->h - s[k].h) / 2;
    const PetscInt middle = x + s[k].w / 2;
    char           fit[256];

    if (s[k].kind == EMPTY) continue;
    if (s[k].kind == FIELD) FieldDraw(c, &s[k], x, y);
    else {
      s[k].plot.box = (NomosBox){x, y, x + s[k].w, y + s[k].h};
      NomosPlotDraw(c, &s[k].plot);
    }
    NomosTextFit(14, (double)s[k].w + 40, s[k].panel->title, fit, sizeof(fit));
    NomosTextDraw(c, (double)middle, (double)(y - g->above + 19), 14, 0.5, PETSC_FALSE, ink, fit);
  }
}

static PetscErrorCode FieldsDraw(const char path[], const char title[], Page *g, Place s[])
{
  NomosCanvas    c;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PageSet(s, g);
  g->top = title && title[0] ? 42 : 6;
  PetscCall(NomosCanvasCreate(g->x[g->ncols], g->top + g->nrows * (g->above + g->h + g->below) + 4, &c));
  PageDraw(&c, s, g);
  Centred(&c, 10, (double)c.w - 10, 30, 18, ink, title);
  ierr = NomosCanvasWritePNG(&c, path);
  PetscCall(NomosCanvasDestroy(&c));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosPictureFields - draw a grid of fields, each with its colour bar, into a PNG file

  Not Collective; one rank calls it

  Input Parameters:
+ path   - the file, for example samples.png
. title  - above everything, or NULL
. nrows  - rows of panels, 1 to 64
. ncols  - columns of panels, 1 to 64
- panels - nrows*ncols panels, row by row; one with neither values nor curves leaves its place empty

  Notes:
  Cells of small fields are drawn as sharp squares of a whole number of pixels; of large ones each pixel shows the mean of
  the cells under it. Cells that are not finite are grey. A diverging panel without a range is symmetric about 0. Under
  each field stand its minimum and maximum. A field with ny = 1 and a panel with curves are line plots. Of a
  three-dimensional field the caller passes a slice. The file is written aside and renamed; equal input gives equal bytes.

  Shapes: values [ny][nx], y upwards
  Units:  those of the values
  Errors: PETSC_ERR_ARG_OUTOFRANGE, PETSC_ERR_ARG_NULL on sizes and arrays that cannot be; PETSC_ERR_FILE_OPEN,
          PETSC_ERR_FILE_WRITE on a folder or disk that cannot be written, after which nothing is left behind

  Level: developer
.seealso: `NomosPictureCurves()`
@*/
PetscErrorCode NomosPictureFields(const char path[], const char title[], PetscInt nrows, PetscInt ncols, const NomosPanel panels[])
{
  Page           g = {.nrows = nrows, .ncols = ncols};
  Place         *s;
  PetscInt       k;
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCheck(nrows > 0 && ncols > 0 && nrows <= 64 && ncols <= 64, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A picture has 1 to 64 rows and columns of panels, found %" PetscInt_FMT " x %" PetscInt_FMT, nrows, ncols);
  PetscCheck(panels, PETSC_COMM_SELF, PETSC_ERR_ARG_NULL, "A picture needs panels, found NULL");
  PetscCall(PetscCalloc1((size_t)(nrows * ncols), &s));
  PetscCall(PetscCalloc1((size_t)ncols + 1, &g.x));
  for (k = 0; k < nrows * ncols && !ierr; k++) ierr = PlaceSet(&panels[k], k, &s[k]);
  if (!ierr) ierr = FieldsDraw(path, title, &g, s);
  PetscCall(PetscFree(g.x));
  PetscCall(PetscFree(s));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
