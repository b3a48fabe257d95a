/*
   Colours of fields and lines.

   Both maps are built in OKLab (B. Ottosson, "A perceptual color space for image processing", 2020), where equal steps
   look equally large: lightness is linear in t (sequential) or in |t - 1/2| (diverging), so that they stay readable
   in grey and for colour-blind readers.

   The sequential map follows the key colours of viridis (S. van der Walt and N. Smith, 2015, public domain: #440154
   #3b528b #21918c #5ec962 #fde725). Lightness runs straight between the two ends, a and b are the quartics through the
   five points; the fit is ours. The diverging map is ours: blue (hue 255 degrees) to near-white to red (27 degrees).
*/
#include "picture.h"
#include <math.h>

/* One linear sRGB component in [0, 1] to a byte (IEC 61966-2-1). */
static unsigned char Byte(double v)
{
  double s;

  if (v < 0) v = 0;
  s = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
  return (unsigned char)(s >= 1 ? 255 : (int)(s * 255 + 0.5));
}

static NomosColour FromOKLab(double lightness, double a, double b)
{
  double      l = lightness + 0.3963377774 * a + 0.2158037573 * b, m = lightness - 0.1055613458 * a - 0.0638541728 * b, s = lightness - 0.0894841775 * a - 1.2914855480 * b;
  NomosColour colour;

  l        = l * l * l;
  m        = m * m * m;
  s        = s * s * s;
  colour.r = Byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  colour.g = Byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  colour.b = Byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
  return colour;
}

/* Colour at t in [0, 1]; numbers outside take the end's colour, NaN is grey. */
NomosColour NomosColourMap(NomosColours map, double t)
{
  if (isnan(t)) return (NomosColour){150, 150, 150};
  if (t < 0) t = 0;
  if (t > 1) t = 1;
  if (map == NOMOS_COLOURS_DIVERGING) {
    const double hue = (t < 0.5 ? 255 : 27) * (M_PI / 180), q = fabs(2 * t - 1), chroma = 0.145 * pow(q, 0.9);

    return FromOKLab(0.975 - 0.5 * q, chroma * cos(hue), chroma * sin(hue));
  } else {
    const double a = 0.10171177 + t * (-0.54486312 + t * (0.69755316 + t * (-1.26175123 + t * 0.96835259)));
    const double b = -0.09122924 + t * (-0.24102753 + t * (0.90976559 + t * (-0.12815816 - t * 0.26762391)));

    return FromOKLab(0.28501824 + 0.63267327 * t, a, b);
  }
}

/* Line colours: M. Okabe and K. Ito, "Color universal design", 2008, the darker ones first; yellow is left out. */
NomosColour NomosColourLine(PetscInt i)
{
  static const NomosColour line[] = {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {86, 180, 233}, {230, 159, 0}, {60, 60, 60}};

  return line[i % (PetscInt)(sizeof(line) / sizeof(line[0]))];
}
