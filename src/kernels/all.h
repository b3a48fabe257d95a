/* all.h - the argument structs of every kernel and, where NOMOS_PRECISION is defined, their bodies */
#include "kernel.h"
#include "pointwise.h"
#include "spectral.h"
#include "random.h"
#include "update.h"
#include "loss.h"
#include "stencil.h"
#include "sor.h"
