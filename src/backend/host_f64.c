#define NOMOS_PRECISION 64
#include "hostloops.h"
