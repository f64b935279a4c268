#!/bin/sh
# A plugin exports its entry symbol and nothing else: what it links statically stays its own.
set -eu
for plugin in "$DRORCH_BUILD"/plugins/*.so; do
	symbols=$(nm -D --defined-only "$plugin" | awk '$NF !~ /^__odr_asan/ { print $NF }')
	if [ "$symbols" != dro_provider_v1 ]; then
		echo "$plugin exports: $symbols" >&2
		exit 1
	fi
	echo "$plugin: $symbols"
done
