#define NOMOS_PRECISION 32
#include "cudaloops.h"
