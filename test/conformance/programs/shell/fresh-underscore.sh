echo "$_"
echo "status $?" "bang ${!-unset}" "pipe ${PIPESTATUS[*]}" "bash command: $BASH_COMMAND"
