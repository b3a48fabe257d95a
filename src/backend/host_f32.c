#define NOMOS_PRECISION 32
#include "hostloops.h"
