/*
   Private to src/data: what NomosPictureCurves() and NomosPictureFields() (nomos.h) are made of, kept apart so that each
   part can be tested alone: canvas, font, axis, colours. None is collective: one rank calls them.
*/
#pragma once

#include "../nomos.h"
#include "../compat.h"

/* ---------------------------------------------------------------- canvas: picture_canvas.c */

typedef struct {
  unsigned char r, g, b;
} NomosColour;

typedef struct {
  PetscInt x0, y0, x1, y1; /* pixels x0 <= x < x1, y downwards */
} NomosBox;

typedef struct {
  PetscInt       w, h;
  unsigned char *rgb;   /* [h][w][3] */
  unsigned char *mask;  /* [h][w]: how much of a pixel the present stroke covers */
  NomosBox       clip;  /* strokes stay inside */
  NomosBox       dirty; /* where the mask is not 0 */
} NomosCanvas;

PETSC_INTERN PetscErrorCode NomosCanvasCreate(PetscInt w, PetscInt h, NomosCanvas *c);
PETSC_INTERN PetscErrorCode NomosCanvasDestroy(NomosCanvas *c);
PETSC_INTERN PetscErrorCode NomosCanvasWritePNG(const NomosCanvas *c, const char path[]);
PETSC_INTERN void           NomosCanvasPixel(NomosCanvas *c, PetscInt x, PetscInt y, NomosColour colour);
PETSC_INTERN void           NomosCanvasFill(NomosCanvas *c, NomosBox box, NomosColour colour, double opacity);
PETSC_INTERN void           NomosCanvasFrame(NomosCanvas *c, NomosBox box, NomosColour colour);
PETSC_INTERN void           NomosCanvasClip(NomosCanvas *c, NomosBox box);
PETSC_INTERN void           NomosCanvasUnclip(NomosCanvas *c);
PETSC_INTERN void           NomosCanvasSegment(NomosCanvas *c, double x0, double y0, double x1, double y1, double halfwidth);
PETSC_INTERN void           NomosCanvasInk(NomosCanvas *c, NomosColour colour, double opacity);

/* A text file beside its final name: open PATH.part, then commit (flush, close, rename) or drop it. */
PETSC_INTERN PetscErrorCode NomosPartOpen(const char path[], FILE **file, char **part);
PETSC_INTERN PetscErrorCode NomosPartClose(const char path[], FILE **file, char **part, const char failure[]);

/* ---------------------------------------------------------------- font: picture_font.c */

#define NOMOS_SUPER '\001' /* what follows in the string is raised and small: 10 to the power of */

PETSC_INTERN double NomosTextWidth(double size, const char text[]);
PETSC_INTERN void   NomosTextDraw(NomosCanvas *c, double x, double y, double size, double anchor, PetscBool up, NomosColour colour, const char text[]);
PETSC_INTERN void   NomosTextFit(double size, double width, const char text[], char fit[], size_t len);

/* ---------------------------------------------------------------- axis: picture_axis.c */

#define NOMOS_MAX_TICKS 16
#define NOMOS_MAX_MINOR 160

typedef struct {
  PetscInt n, nminor;
  double   at[NOMOS_MAX_TICKS], minor[NOMOS_MAX_MINOR];
  char     label[NOMOS_MAX_TICKS][24];
  char     note[48]; /* common factor and offset of the labels, "" if none */
} NomosTicks;

PETSC_INTERN void NomosRangeWiden(double *lo, double *hi);
PETSC_INTERN void NomosTicksLinear(double lo, double hi, PetscInt most, NomosTicks *t);
PETSC_INTERN void NomosTicksLog(double lo, double hi, PetscInt most, NomosTicks *t);
PETSC_INTERN void NomosNumber(double v, char s[], size_t len); /* 4 digits */

/* ---------------------------------------------------------------- colours: picture_colour.c */

PETSC_INTERN NomosColour NomosColourMap(NomosColours map, double t); /* t in [0, 1]; NaN is grey */
PETSC_INTERN NomosColour NomosColourLine(PetscInt i);                /* i-th line of a plot */

/* ---------------------------------------------------------------- plot area with lines: picture_plot.c */

typedef struct {
  NomosBox          box;    /* the area inside the frame */
  double            size;   /* of the letters, in pixels */
  PetscBool         logy;
  double            x[2], y[2]; /* ranges of the axes */
  NomosTicks        tx, ty;
  PetscInt          skipped; /* values <= 0 on a log axis */
  PetscInt          points;  /* drawn */
  PetscInt          ncurves;
  const NomosCurve *curves;
} NomosPlot;

PETSC_INTERN void   NomosPlotRanges(NomosPlot *p, PetscBool ranged, double lo, double hi);
PETSC_INTERN double NomosPlotTicks(NomosPlot *p, PetscInt width, PetscInt height);
PETSC_INTERN void   NomosPlotDraw(NomosCanvas *c, NomosPlot *p);
PETSC_INTERN double NomosPlotX(const NomosPlot *p, double v);
PETSC_INTERN double NomosPlotY(const NomosPlot *p, double v);
