set -e
echo before
false || echo "in a list it does not count"
if false; then :; fi
! true
(exit 3) && echo no
f() { false; echo "not reached"; }
trap 'echo "exit trap $? line $LINENO"' EXIT
f
echo never
