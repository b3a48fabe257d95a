/*
   A picture in memory: 8-bit RGB, boxes, antialiased strokes, and the PNG file.

   A stroke is a set of segments with round ends. Each puts the share of a pixel that it covers into a mask, the larger
   of old and new wins, and NomosCanvasInk() lays the colour through the mask. So a polyline has no dark joints.
*/
#include "picture.h"
#include <errno.h>
#include <math.h>
#include <png.h>
#include <string.h>

#define MAX_PIXELS ((size_t)1 << 28)

PetscErrorCode NomosCanvasCreate(PetscInt w, PetscInt h, NomosCanvas *c)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  PetscCheck(w > 0 && h > 0 && (size_t)w <= MAX_PIXELS / (size_t)h, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A picture of %" PetscInt_FMT " x %" PetscInt_FMT " pixels is too large; draw fewer panels", w, h);
  c->w = w;
  c->h = h;
  PetscCall(PetscMalloc1((size_t)w * (size_t)h * 3, &c->rgb));
  PetscCall(PetscCalloc1((size_t)w * (size_t)h, &c->mask));
  memset(c->rgb, 255, (size_t)w * (size_t)h * 3);
  c->dirty = (NomosBox){w, h, 0, 0};
  NomosCanvasUnclip(c);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosCanvasDestroy(NomosCanvas *c)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(c->rgb));
  PetscCall(PetscFree(c->mask));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static NomosBox Cut(NomosBox a, NomosBox b)
{
  return (NomosBox){PetscMax(a.x0, b.x0), PetscMax(a.y0, b.y0), PetscMin(a.x1, b.x1), PetscMin(a.y1, b.y1)};
}

void NomosCanvasClip(NomosCanvas *c, NomosBox box)
{
  c->clip = Cut(box, (NomosBox){0, 0, c->w, c->h});
}

void NomosCanvasUnclip(NomosCanvas *c)
{
  c->clip = (NomosBox){0, 0, c->w, c->h};
}

void NomosCanvasPixel(NomosCanvas *c, PetscInt x, PetscInt y, NomosColour colour)
{
  if (x >= 0 && y >= 0 && x < c->w && y < c->h) memcpy(c->rgb + 3 * ((size_t)y * (size_t)c->w + (size_t)x), &colour, 3);
}

static unsigned char Mix(unsigned char old, unsigned char new, double share)
{
  return (unsigned char)(old + share * (new - old) + 0.5);
}

static void Blend(unsigned char *p, NomosColour colour, double share)
{
  p[0] = Mix(p[0], colour.r, share);
  p[1] = Mix(p[1], colour.g, share);
  p[2] = Mix(p[2], colour.b, share);
}

void NomosCanvasFill(NomosCanvas *c, NomosBox box, NomosColour colour, double opacity)
{
  const NomosBox b = Cut(box, c->clip);
  PetscInt       x, y;

  for (y = b.y0; y < b.y1; y++)
    for (x = b.x0; x < b.x1; x++) Blend(c->rgb + 3 * ((size_t)y * (size_t)c->w + (size_t)x), colour, opacity);
}

/* A line one pixel wide around the outside of a box. */
void NomosCanvasFrame(NomosCanvas *c, NomosBox b, NomosColour colour)
{
  NomosCanvasFill(c, (NomosBox){b.x0 - 1, b.y0 - 1, b.x1 + 1, b.y0}, colour, 1);
  NomosCanvasFill(c, (NomosBox){b.x0 - 1, b.y1, b.x1 + 1, b.y1 + 1}, colour, 1);
  NomosCanvasFill(c, (NomosBox){b.x0 - 1, b.y0, b.x0, b.y1}, colour, 1);
  NomosCanvasFill(c, (NomosBox){b.x1, b.y0, b.x1 + 1, b.y1}, colour, 1);
}

/* A segment with round ends; pixel (i, j) has its centre at (i + 1/2, j + 1/2). */
void NomosCanvasSegment(NomosCanvas *c, double x0, double y0, double x1, double y1, double halfwidth)
{
  const double dx = x1 - x0, dy = y1 - y0, len2 = dx * dx + dy * dy, reach = halfwidth + 0.5, far = 1e6;
  NomosBox     b;
  PetscInt     x, y;

  /* beyond this no pixel is near, and the casts below would overflow */
  if (!(PetscMax(PetscMax(fabs(x0), fabs(x1)), PetscMax(fabs(y0), fabs(y1))) < far)) return;
  b.x0 = (PetscInt)floor(PetscMin(x0, x1) - reach);
  b.y0 = (PetscInt)floor(PetscMin(y0, y1) - reach);
  b.x1 = (PetscInt)ceil(PetscMax(x0, x1) + reach) + 1;
  b.y1 = (PetscInt)ceil(PetscMax(y0, y1) + reach) + 1;
  b    = Cut(b, c->clip);
  if (b.x0 >= b.x1 || b.y0 >= b.y1) return;
  for (y = b.y0; y < b.y1; y++) {
    unsigned char *row = c->mask + (size_t)y * (size_t)c->w;

    for (x = b.x0; x < b.x1; x++) {
      const double px = (double)x + 0.5 - x0, py = (double)y + 0.5 - y0;
      const double s = len2 > 0 ? PetscMin(1, PetscMax(0, (px * dx + py * dy) / len2)) : 0;
      const double ex = px - s * dx, ey = py - s * dy, cover = reach - sqrt(ex * ex + ey * ey);

      /* a stroke thinner than a pixel never covers one whole: its share is at most its width */
      if (cover > 0) {
        const unsigned char v = (unsigned char)(255 * PetscMin(PetscMin(1, 2 * halfwidth), cover) + 0.5);

        if (v > row[x]) row[x] = v;
      }
    }
  }
  c->dirty = (NomosBox){PetscMin(c->dirty.x0, b.x0), PetscMin(c->dirty.y0, b.y0), PetscMax(c->dirty.x1, b.x1), PetscMax(c->dirty.y1, b.y1)};
}

void NomosCanvasInk(NomosCanvas *c, NomosColour colour, double opacity)
{
  PetscInt x, y;

  for (y = c->dirty.y0; y < c->dirty.y1; y++)
    for (x = c->dirty.x0; x < c->dirty.x1; x++) {
      const size_t k = (size_t)y * (size_t)c->w + (size_t)x;

      if (c->mask[k]) Blend(c->rgb + 3 * k, colour, opacity * c->mask[k] / 255.0);
      c->mask[k] = 0;
    }
  c->dirty = (NomosBox){c->w, c->h, 0, 0};
}

/* Open PATH.part for writing. What stood at PATH stays as it is until NomosPartClose() succeeds. */
PetscErrorCode NomosPartOpen(const char path[], FILE **file, char **part)
{
  size_t len;

  PetscFunctionBegin;
  *file = NULL;
  *part = NULL;
  PetscCheck(path && path[0], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "A file name is needed, found none");
  PetscCall(PetscStrlen(path, &len));
  PetscCall(PetscMalloc1(len + 6, part));
  memcpy(*part, path, len);
  memcpy(*part + len, ".part", 6);
  *file = fopen(*part, "wb");
  if (!*file) {
    const int why = errno;

    PetscCall(PetscFree(*part));
    SETERRQ(PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot write %s: %s; give a file in an existing folder that you may write to", path, strerror(why));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Flush, close and rename; failure is what went wrong before (NULL: nothing). After any failure PATH.part is removed. */
PetscErrorCode NomosPartClose(const char path[], FILE **file, char **part, const char failure[])
{
  char why[256] = "";

  PetscFunctionBegin;
  errno = 0;
  if (failure) PetscCall(PetscStrncpy(why, failure, sizeof(why)));
  else if (ferror(*file) || fflush(*file)) PetscCall(PetscStrncpy(why, errno ? strerror(errno) : "write error", sizeof(why)));
  if (fclose(*file) && !why[0]) PetscCall(PetscStrncpy(why, strerror(errno), sizeof(why)));
  *file = NULL;
  if (!why[0] && rename(*part, path)) PetscCall(PetscStrncpy(why, strerror(errno), sizeof(why)));
  if (why[0]) (void)remove(*part);
  PetscCall(PetscFree(*part));
  PetscCheck(!why[0], PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "Writing %s failed: %s; what stood there before is unchanged. Free some space or give another place", path, why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* libpng's simplified interface: no longjmp over our frames. No time stamp goes in, so equal pictures are equal files. */
PetscErrorCode NomosCanvasWritePNG(const NomosCanvas *c, const char path[])
{
  png_image image;
  FILE     *file;
  char     *part;
  int       ok;

  PetscFunctionBegin;
  memset(&image, 0, sizeof(image));
  image.version = PNG_IMAGE_VERSION;
  image.width   = (png_uint_32)c->w;
  image.height  = (png_uint_32)c->h;
  image.format  = PNG_FORMAT_RGB;
  PetscCall(NomosPartOpen(path, &file, &part));
  errno = 0;
  ok    = png_image_write_to_stdio(&image, file, 0, c->rgb, 0, NULL);
  /* errno says "no space left"; libpng's own text is only "write error" */
  PetscCall(NomosPartClose(path, &file, &part, ok ? NULL : errno ? strerror(errno) : image.message));
  png_image_free(&image);
  PetscFunctionReturn(PETSC_SUCCESS);
}
