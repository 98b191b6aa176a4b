false | true
echo "$? ${PIPESTATUS[*]}"
set -o pipefail
exit_with() { return "$1"; }
exit_with 3 | exit_with 4 | true
echo "$? ${PIPESTATUS[*]}"
yes | head -n 1
echo "$? ${PIPESTATUS[*]}"
set -e
false | cat
echo never
