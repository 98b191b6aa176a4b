# Everything that a script can list of the shell it finds itself in.
set +o
shopt
trap -p
alias
declare -F
hash
jobs
declare -x | grep -v '^declare -x _='
echo "flags $- shlvl $SHLVL subshell $BASH_SUBSHELL args $# opt $OPTIND at $0 ${BASH_SOURCE[*]} ${FUNCNAME[*]-none} $LINENO"
