# shellcheck shell=bash
# How bash waits: started as `bash main.sh` with BASH_ENV naming this file, it stops here, in its own start-up, until the
# runner lets it go. Then this returns and bash opens main.sh itself. Nothing of this file may be left for the script.

__matchbox_wait() {
    # Options that the lane's variables set (SHELLOPTS) are for the script: this is neither traced nor ended by them.
    # shellcheck disable=SC2034 # It names the options, up to the end of this function.
    local - 2>/dev/null && set +eux +v
    local __matchbox_item __matchbox_count __matchbox_exact='' __matchbox_has_path=''
    local -a __matchbox_arguments=() __matchbox_variables=() __matchbox_command
    # The exit notice takes its variables away itself, where the C library is one that it knows.
    [[ ${MATCHBOX_EXIT_NOTICE+set} ]] && unset MATCHBOX_EXIT_NOTICE LD_PRELOAD
    unset BASH_ENV MATCHBOX_CONTROL_FD
    unset -f __matchbox_wait

    # The rehearsal: most of what a script does is parse, print, fork and wait, and the first time is the dearest.
    __matchbox_item=$(/bin/true | { printf '%s\n' "${PATH##*:}" && [[ -n $HOME ]]; }) 2>/dev/null
    /bin/true >/dev/null
    hash -r

    printf . >&3
    # Nothing to read means no arguments and no variables: the usual case, and done.
    if IFS= read -r -d '' -u 3 __matchbox_count; then
        while ((${#__matchbox_arguments[@]} < __matchbox_count)) && IFS= read -r -d '' -u 3 __matchbox_item; do
            __matchbox_arguments+=("$__matchbox_item")
        done
        while IFS= read -r -d '' -u 3 __matchbox_item; do
            __matchbox_variables+=("$__matchbox_item")
            case ${__matchbox_item%%=*} in
            # Not a name of bash's, or one that bash, the loader or the C library treats specially at its start.
            [0-9]* | *[!A-Za-z0-9_]* | _* | BASH* | SHELLOPTS | SHLVL | *UID | PPID | GROUPS | FUNCNAME | DIRSTACK | \
                *RANDOM | SECONDS | LINENO | HISTCMD | EPOCH* | COMP* | IFS | OPT* | PWD | OLDPWD | POSIXLY_CORRECT | \
                GLOBIGNORE | EXECIGNORE | IGNOREEOF | ignoreeof | PS1 | PS2 | \
                LD_* | LC_* | LANG | MALLOC_* | GLIBC_*) __matchbox_exact=1 ;;
            PATH) __matchbox_has_path=1 ;;
            esac
        done
    fi
    exec 3>&-

    # bash sets the positional parameters after this file, and would undo ours: so once more from the start, exactly.
    if ((${#__matchbox_arguments[@]})) || [[ $__matchbox_exact ]]; then
        mapfile -d '' -t __matchbox_command </proc/$$/cmdline
        # The run's PATH is for the script. It need not lead to bash, or may lead to another one.
        [[ $__matchbox_has_path && ${__matchbox_command[0]} != */* ]] && __matchbox_command[0]=$BASH
        exec env -u _ -- "${__matchbox_variables[@]}" "${__matchbox_command[@]}" "${__matchbox_arguments[@]}"
    fi
    for __matchbox_item in "${__matchbox_variables[@]}"; do
        export "${__matchbox_item?}"
    done
    SECONDS=0
}

if [[ ${MATCHBOX_CONTROL_FD-} == 3 ]]; then
    # The argument is for nothing but $_, which after the call is what it was before.
    __matchbox_wait "$_"
fi
