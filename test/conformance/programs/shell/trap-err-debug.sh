trap 'echo "err $? at $LINENO: $BASH_COMMAND"' ERR
false
true
ls /nonexistent-folder
f() { false; }
f
set -E
f
trap 'echo "debug $LINENO $BASH_COMMAND"' DEBUG
x=1
echo "$x"
trap - DEBUG
trap 'echo "return from ${FUNCNAME[0]}"' RETURN
set -T
f
