trap 'echo "exit $?"' EXIT
(trap 'echo "subshell exit"' EXIT; exit 2)
echo "$?"
trap -p
exit 9
