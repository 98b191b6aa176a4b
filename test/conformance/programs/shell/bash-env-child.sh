# Neither this shell nor its children have a BASH_ENV, until the script sets one.
echo "${BASH_ENV-unset} ${ENV-unset}"
bash -c 'echo "${BASH_ENV-unset} $SHLVL"'
echo 'echo from the environment file' >rc
BASH_ENV=rc bash -c 'echo child'
bash --version | head -n 1 | cut -d' ' -f1-2
bash --norc -i -c 'echo interactive' 2>/dev/null </dev/null
