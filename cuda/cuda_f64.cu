#define NOMOS_PRECISION 64
#include "cudaloops.h"
