/* The encoder stands in base/, where plugins can link it too. */
#ifndef DRORCH_NET_URI_H
#define DRORCH_NET_URI_H

#include "base/uri.h"

#endif
