set -x
name=value
echo "$name" $((1 + 2))
f() { local inner=1; echo "in $inner"; }
f
[[ $name == v* ]] && : "$(echo sub)"
for i in 1 2; do :; done
PS4='+${LINENO}+${FUNCNAME[0]-}> '
f
