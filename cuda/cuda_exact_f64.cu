#define NOMOS_PRECISION 64
#define NOMOS_ONLY_EXACT
#include "cudaloops.h"
