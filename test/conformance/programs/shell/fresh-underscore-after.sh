printf '<%s>\n' "$_" "${BASH_EXECUTION_STRING-none}" "${REPLY-unset}" "${MAPFILE-unset}" "${BASH_REMATCH-unset}" "${BASH_ENV-unset}"
