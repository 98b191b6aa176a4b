echo "$# [$0] [$1] [$2] [$3]"
printf '<%s>' "$@"; echo
printf '<%s>' "$*"; echo
shift 2
echo "$# $1 ${BASH_ARGV[0]-none} ${BASH_ARGC[0]-none}"
while getopts 'ab:' option; do echo "opt $option ${OPTARG-}"; done
set -- x y
echo "$@ $_"
