#define NOMOS_PRECISION 32
#define NOMOS_ONLY_EXACT
#include "cudaloops.h"
