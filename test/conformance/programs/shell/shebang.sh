#!/usr/bin/env -S bash -eu
echo "flags $-"
false
echo "the first line is a comment to bash main.sh"
