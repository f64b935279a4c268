/* The simulated STS: who am I? */
#ifndef DRORCH_LAB_STS_H
#define DRORCH_LAB_STS_H

#include "lab/lab.h"

extern const struct lab_vendor lab_vendor_sts;

#endif
