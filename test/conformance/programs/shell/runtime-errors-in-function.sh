outer() {
    inner
}
inner() {
    no_such_command_here
    local line func file
    local n=0
    while caller $n; do ((n++)); done
    echo "${BASH_LINENO[*]} ${FUNCNAME[*]} ${BASH_SOURCE[*]} $LINENO"
    : "${missing:?is not set}"
}
(outer)
echo "$?"
eval 'echo in eval $LINENO; nope_in_eval'
source <(echo 'echo sourced $LINENO; nope_sourced; return 4')
echo "$?"
